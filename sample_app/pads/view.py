"""What the page of one text shows, whichever form of it was sent."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

import falcon

from sample_app.comments import store as comments
from sample_app.comments.words import shown
from sample_app.db import Connection, Row
from sample_app.links import LINK_LIFETIME
from sample_app.pads import store, text
from sample_app.pads.writing import pad_channel
from sample_app.visitors import store as visitors
from sample_app.visitors.visitor import LONGEST_NAME, Visitor
from sample_app.web.site import Site

COMMENTS: Final = 50  # the newest ones, on the page and for its script
LONGEST_TEXT: Final = 50_000  # letters in the field; a form sends each as up to nine bytes
LONGEST_COMMENT: Final = 2_000  # letters


def found(conn: Connection, pad_id: int) -> Row:
    """The pad, or HTTPNotFound."""
    pad = store.find_pad(conn, pad_id)
    if pad is None:
        raise falcon.HTTPNotFound()
    return pad


def look(site: Site, conn: Connection, visitor: Visitor, pad_id: int, **form: Any) -> dict[str, Any]:
    """The values of ``pad.html``. ``form``: what comes back from a form that was refused."""
    pad = found(conn, pad_id)
    updates = store.updates(conn, pad_id)
    there = text.read(updates)
    values = {
        "pad": pad,
        "there": there,
        "version": text.version(there),
        # The very state that the field shows: what was typed before the script ran is measured against it.
        "state": base64.b64encode(text.merge(updates)).decode(),
        "ticket": pad_channel(site.channels, pad_id).ticket(expires=LINK_LIFETIME),
        "comments": [shown(comment) for comment in comments.newest_comments(conn, pad_id, COMMENTS)],
        "follows": comments.follows(conn, pad_id, visitor.key),
        "nonce": secrets.token_hex(8),
        "name": visitors.name_of(conn, visitor),
        "body": "",
        "refused": None,
        "conflict": False,
        "unsaved": None,
        "longest": {"name": LONGEST_NAME, "text": LONGEST_TEXT, "comment": LONGEST_COMMENT},
    }
    return values | form
