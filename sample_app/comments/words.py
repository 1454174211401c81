"""A comment as pages, messages and notices show it. Pure."""

from __future__ import annotations

from typing import Any

from sample_app.db import Row
from sample_app.web.rendering import day_and_clock

_SHORT = 80  # letters of a comment in a notice


def shown(comment: Row) -> dict[str, Any]:
    """What a page shows of it: plain values, which scripts put in as text and never as HTML."""
    return {
        "id": comment["id"],
        "author": comment["author"],
        "body": comment["body"],
        "when": day_and_clock(comment["written_at"]),
    }


def notice(comment: Row, title: str) -> str:
    """The sentence under the bell."""
    body = " ".join(comment["body"].split())
    return f"{comment['author']} on “{title}”: {body if len(body) <= _SHORT else body[:_SHORT].rstrip() + '…'}"
