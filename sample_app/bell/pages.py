"""What the bell has to say: as a page, as a list for scripts, and as a number."""

from __future__ import annotations

import secrets
from typing import Any, Final

import falcon

from sample_app.bell import store
from sample_app.bell.ringing import read, ring
from sample_app.visitors import store as visitors
from sample_app.web.site import Site

_SHOWN: Final = 50  # on the page
_FEW: Final = 8  # in the list that opens under the bell


class BellPage:
    """``/bell``: what is unread, and what was."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        with self._site.connect() as conn:
            notices = store.newest_notices(conn, resp.context.visitor.key, _SHOWN)
            name = visitors.name_of(conn, resp.context.visitor)
        self._site.render(resp, "bell.html", notices=notices, name=name)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """All of it is read."""
        with self._site.connect() as conn:
            read(conn, self._site.channels, resp.context.visitor.key)
        resp.status = falcon.HTTP_303
        resp.location = "/bell"

    def on_post_ring(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Rings at who asks for it, so that it can be tried, and measured, alone."""
        nonce = secrets.token_hex(8)
        with self._site.connect() as conn:
            ring(conn, self._site.channels, resp.context.visitor.key, f"self-{nonce}", "You rang.", "/bell")
        resp.status = falcon.HTTP_303
        resp.location = "/bell"

    def on_get_list(self, req: falcon.Request, resp: falcon.Response) -> None:
        limit = _SHOWN if req.get_param("all") else _FEW
        with self._site.connect() as conn:
            notices = store.newest_notices(conn, resp.context.visitor.key, limit)
        self._site.render_part(resp, "_notices.html", notices=notices)

    def on_get_json(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The number, for a page that has just begun to listen: what came before that it would never hear of."""
        with self._site.connect() as conn:
            resp.media = store.state(conn, resp.context.visitor.key)._asdict()


class NoticePage:
    """``/bell/{notice}``: a form's answer, not a page: the notice is read, and its reader is where it leads."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_post(self, req: falcon.Request, resp: falcon.Response, notice: int) -> None:
        visitor = resp.context.visitor.key
        with self._site.connect() as conn:
            found: dict[str, Any] | None = store.find_notice(conn, visitor, notice)
            if found is None:
                raise falcon.HTTPNotFound()
            read(conn, self._site.channels, visitor, notice)
        resp.status = falcon.HTTP_303
        resp.location = found["link"]
