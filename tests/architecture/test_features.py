"""docs/features.md claims nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "features.md").read_text("utf-8")


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", TEXT)
    assert len(links) > 10
    assert [link for link in links if "://" not in link and not (DOCS / link).exists()] == []


def test_every_row_links_to_a_test() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and not re.match(r"\|[-|]+$", line)]
    heads = {TEXT.splitlines()[at - 1] for at, line in enumerate(TEXT.splitlines()) if re.match(r"\|[-|]+$", line)}
    assert len(rows) > len(heads) > 1
    assert [row for row in rows if row not in heads and "(../tests/" not in row] == []
