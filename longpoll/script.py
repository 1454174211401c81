"""The browser's side, ``/longpoll.js``: one file without dependencies for browsers, a few files for people."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

# In reading order. Together they are the body of one function, so that a page sees nothing of them but LongPoll.
PARTS: Final = (
    "client",
    "link",
    "climbing",
    "wants",
    "ladder",
    "tabs",
    "leading",
    "hearing",
    "bus",
    "page",
    "channels",
    "polls",
    "streams",
    "language",
)
_HEAD: Final = "(function (root) {\n"
_TAIL: Final = """
root.LongPoll = LongPoll;
if (typeof module !== 'undefined' && module.exports) { module.exports = LongPoll; }
})(typeof window !== 'undefined' ? window : this);
"""


def joined() -> str:
    """The script, its manual first."""
    manual, *parts = (_part(name) for name in ("manual", *PARTS))
    return manual + _HEAD + "\n".join(parts) + _TAIL


def private_pub() -> str:
    """What pages written for Private Pub or danthes call, on top of that."""
    return _read("private_pub.js")


def _part(name: str) -> str:
    return _read("longpoll", f"{name}.js")


def _read(*path: str) -> str:
    return files("longpoll").joinpath("static", *path).read_text(encoding="utf-8")
