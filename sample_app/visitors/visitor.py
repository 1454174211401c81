"""A visitor, from the cookie that the browser brings. Pure."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

from sample_app.people import person

COOKIE: Final = "visitor"
LONGEST_NAME: Final = 40
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)


@dataclass(frozen=True)
class Visitor:
    """``key`` names the visitor in tables and channels. ``is_new``: this browser brought no cookie yet."""

    token: str
    is_new: bool

    @property
    def key(self) -> str:
        # Whoever reads our tables or channels must not be able to come as somebody else, so they hold a digest only.
        return hashlib.sha256(self.token.encode()).hexdigest()[:32]

    @property
    def alias(self) -> str:
        """What others read of one who has said no name: somebody, but the same one every time."""
        return person(int(self.key[:6], 16)).name

    @property
    def mark(self) -> str:
        """What others may see: enough for a page to know its own, and nothing can be done with it."""
        return hashlib.sha256(f"mark {self.key}".encode()).hexdigest()[:12]


def visitor_of(cookie: str | None) -> Visitor:
    """The visitor that brings this cookie; a new one if it is none of ours."""
    if cookie is not None and _TOKEN.fullmatch(cookie):
        return Visitor(cookie, is_new=False)
    return Visitor(secrets.token_urlsafe(16), is_new=True)
