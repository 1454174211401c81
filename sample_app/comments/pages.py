"""What is said about a text: by form, by script, and the hint that somebody is about to."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import falcon

from sample_app.comments import store
from sample_app.comments.job import TellFollowers
from sample_app.comments.words import shown
from sample_app.db import Connection
from sample_app.pads.view import COMMENTS, LONGEST_COMMENT, found, look
from sample_app.pads.writing import pad_channel
from sample_app.visitors import store as visitors
from sample_app.visitors.visitor import LONGEST_NAME, Visitor
from sample_app.web.forms import FieldRefused, line_of_text, lines_of_text, read_form
from sample_app.web.site import Site

_NONCE: Final = re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII)


class CommentsPage:
    """``/pads/{pad_id}/comments`` for forms, ``/pads/{pad_id}/comments.json`` for scripts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_post(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        form = read_form(req)
        visitor = resp.context.visitor
        with self._site.connect() as conn:
            try:
                comment = self._take(conn, visitor, pad_id, form)
            except FieldRefused as refused:
                back = {"name": form.get("name", ""), "body": form.get("body", ""), "refused": refused}
                values = look(self._site, conn, visitor, pad_id, **back)
                self._site.render(resp, "pad.html", falcon.HTTP_400, **values)
                return
        resp.status = falcon.HTTP_303
        resp.location = f"/pads/{pad_id}#comment-{comment['id']}"

    def on_post_json(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        form = read_form(req)
        with self._site.connect() as conn:
            try:
                resp.media = self._take(conn, resp.context.visitor, pad_id, form)
            except FieldRefused as refused:
                resp.status = falcon.HTTP_400
                resp.media = {"error": {"field": refused.field, "message": str(refused)}}

    def on_get_json(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        """The newest, for a page that has just begun to listen. Not "those after the last that you have": a comment
        with a lower number may become visible later than one with a higher."""
        with self._site.connect() as conn:
            found(conn, pad_id)
            resp.media = [shown(comment) for comment in store.newest_comments(conn, pad_id, COMMENTS)]

    def _take(self, conn: Connection, visitor: Visitor, pad_id: int, form: Mapping[str, str]) -> dict[str, Any]:
        """The comment, the message that shows it, and the job that tells others of it: all of them, or none."""
        pad = found(conn, pad_id)
        author = line_of_text(form, "name", LONGEST_NAME)
        body = lines_of_text(form, "body", LONGEST_COMMENT)
        nonce = form.get("nonce", "")
        visitors.set_name(conn, visitor.key, author)
        comment, is_new = store.add_comment(
            conn, pad["id"], visitor.key, author, body, nonce if _NONCE.fullmatch(nonce) else secrets.token_hex(8)
        )
        if is_new:
            message = {**shown(comment), "mark": visitor.mark, "nonce": nonce}
            pad_channel(self._site.channels, pad_id).publish("comment", message, conn=conn)
            self._site.queue.push(TellFollowers(comment["id"]), conn=conn)
            store.follow(conn, pad_id, visitor.key)
        return shown(comment)


class Hints:
    """``/pads/{pad_id}/writing.json``: somebody is writing a comment. Kept nowhere but in the log of messages."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_post(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        visitor = resp.context.visitor
        try:
            name = line_of_text(read_form(req), "name", LONGEST_NAME)
        except FieldRefused:
            name = visitor.alias  # none is said yet
        with self._site.connect() as conn:
            found(conn, pad_id)
            # Who was away gets this late, and has to see that it is over.
            message = {"mark": visitor.mark, "name": name, "at": time.time() * 1000}
            pad_channel(self._site.channels, pad_id).publish("writing", message, conn=conn)
        resp.media = {}


class FollowPage:
    """``/pads/{pad_id}/follow``: have the bell ring for what others say here, or no more."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_post(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        change = store.follow if read_form(req).get("follow") == "yes" else store.unfollow
        with self._site.connect() as conn:
            found(conn, pad_id)
            change(conn, pad_id, resp.context.visitor.key)
        resp.status = falcon.HTTP_303
        resp.location = f"/pads/{pad_id}#comments"
