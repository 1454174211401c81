"""The list of texts; one text, to be written by script or by form; and the updates that scripts send and fetch."""

from __future__ import annotations

import base64
from typing import Final

import falcon

from sample_app.comments import store as comments
from sample_app.db import Connection
from sample_app.pads import store, text
from sample_app.pads.text import UpdateRefused
from sample_app.pads.view import LONGEST_TEXT, found, look
from sample_app.pads.writing import LARGEST, PadFull, write
from sample_app.visitors import store as visitors
from sample_app.web.forms import FieldRefused, line_of_text, read_form, with_plain_line_ends
from sample_app.web.site import Site

_SHOWN: Final = 20
_FORM: Final = 10 * LONGEST_TEXT  # bytes


class PadsPage:
    """``/pads``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._show(resp, "")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        form = read_form(req)
        try:
            title = line_of_text(form, "title", 80)
        except FieldRefused as refused:
            self._show(resp, form.get("title", ""), refused)
            return
        with self._site.connect() as conn:
            pad_id = store.add_pad(conn, title)
            comments.follow(conn, pad_id, resp.context.visitor.key)
        resp.status = falcon.HTTP_303
        resp.location = f"/pads/{pad_id}"

    def _show(self, resp: falcon.Response, title: str, refused: FieldRefused | None = None) -> None:
        with self._site.connect() as conn:
            pads = store.newest_pads(conn, _SHOWN)
        status = falcon.HTTP_400 if refused else falcon.HTTP_200
        self._site.render(resp, "pads.html", status, pads=pads, title=title, refused=refused)


class PadPage:
    """``/pads/{pad_id}``: one text, and what is said about it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        with self._site.connect() as conn:
            values = look(self._site, conn, resp.context.visitor, pad_id)
        self._site.render(resp, "pad.html", **values)

    def on_post(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        """The whole text, by form: taken if nobody else wrote since the form was sent out.

        A script sends what was changed, and that merges with anything. A form sends only how the text looks now:
        whether what is missing in it was deleted or had not been written yet, nobody can tell.
        """
        form = read_form(req, _FORM)
        wanted = with_plain_line_ends(form.get("text", ""))
        with self._site.connect() as conn:
            found(conn, pad_id)
            store.hold_pad(conn, pad_id)
            updates = store.updates(conn, pad_id)
            there = text.read(updates)
            if text.version(there) != form.get("version") and wanted != there:
                values = look(self._site, conn, resp.context.visitor, pad_id, conflict=True, unsaved=wanted)
                self._site.render(resp, "pad.html", falcon.HTTP_409, **values)
                return
            if wanted != there:
                update = text.rewrite(updates, wanted)
                write(conn, self._site.channels, self._site.queue, pad_id, update, _author(conn, resp))
        resp.status = falcon.HTTP_303
        resp.location = f"/pads/{pad_id}"


class PadUpdates:
    """``/pads/{pad_id}/updates.json``: all of them, as one; and one more."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        """For a page that has just begun to listen, or was away for longer than messages are kept."""
        with self._site.connect() as conn:
            found(conn, pad_id)
            updates = store.updates(conn, pad_id)
        resp.media = {"update": base64.b64encode(text.merge(updates)).decode()}

    def on_post(self, req: falcon.Request, resp: falcon.Response, pad_id: int) -> None:
        """An update as Yjs makes it. Sent twice, because the first answer got lost, it changes nothing more.

        The query's ``page`` and ``number`` go with the message, so that the page knows its own again.
        """
        if (req.content_length or 0) > LARGEST:
            raise falcon.HTTPContentTooLarge()
        update = req.bounded_stream.read()
        about = {name: (req.get_param(name) or "")[:40] for name in ("page", "number")}
        with self._site.connect() as conn:
            found(conn, pad_id)
            try:
                about |= _author(conn, resp)
                write(conn, self._site.channels, self._site.queue, pad_id, update, about)
            except (UpdateRefused, PadFull) as refused:
                resp.status = falcon.HTTP_400
                resp.media = {"error": {"message": str(refused)}}
                return
        resp.media = {}


def _author(conn: Connection, resp: falcon.Response) -> dict[str, str]:
    """Who writes, as others' pages say it."""
    visitor = resp.context.visitor
    return {"mark": visitor.mark, "name": visitors.name_of(conn, visitor)}
