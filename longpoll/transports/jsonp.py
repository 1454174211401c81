"""JSONP: a reply as a script that calls a function of the page, for browsers that cannot ask another origin."""

from __future__ import annotations

import re
from typing import Final

from longpoll.errors import BadRequest

# A name, or a path of names. Nothing that could be code: what stands here is run by the page.
_CALLBACK: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*", re.ASCII)
_LONGEST: Final = 64

HEADERS: Final = {
    "Content-Type": "text/javascript; charset=utf-8",
    # No browser may take the reply for anything else, whatever is in it, nor show it as a page of this origin.
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": 'attachment; filename="reply.js"',
}

# JSON that is not JavaScript: two line ends. And what would end the script or open a comment where it is inlined.
_ESCAPES: Final = ((b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"), (b"<", rb"\u003c"))


def checked_callback(name: object) -> str:
    """The name of the function to call.

    Raises:
        BadRequest: it is none.
    """
    if not isinstance(name, str) or len(name) > _LONGEST or not _CALLBACK.fullmatch(name):
        raise BadRequest(f"callback should be the name of a function, at most {_LONGEST} characters long")
    return name


def wrap(callback: str, body: bytes) -> bytes:
    """The script. The comment before it keeps Flash from reading the callback's name as a file of its own."""
    for character, escape in _ESCAPES:
        body = body.replace(character, escape)
    return b"/**/" + callback.encode() + b"(" + body + b");"
