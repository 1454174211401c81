"""What the documents link to is there: files, and the headings within them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The tables of features have tests of their own, which ask more of them.
TABLES = ("features.md", "push.md")
DOCUMENTS = [ROOT / "README.md", *sorted(file for file in (ROOT / "docs").glob("*.md") if file.name not in TABLES)]


def anchors(document: Path) -> set[str]:
    """Of its headings, as they are made where such files are shown, and those that it names itself."""
    text = document.read_text("utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    return made | set(re.findall(r'<a id="([^"]+)"></a>', text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        there = (document.parent / path) if path else document
        if "://" in link or link.startswith("mailto:"):
            continue
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            lost.append(link)
    assert lost == []
