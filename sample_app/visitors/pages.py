"""Cookies on the way in and out, and the page on which a visitor chooses a name."""

from __future__ import annotations

from typing import Final

import falcon

from sample_app.visitors import store
from sample_app.visitors.visitor import COOKIE, LONGEST_NAME, visitor_of
from sample_app.web.forms import FieldRefused, line_of_text, read_form
from sample_app.web.site import Site

# Seconds: whoever comes back within a year is known.
_LIFETIME: Final = 365 * 24 * 3600


class Cookies:
    """Puts the visitor into ``resp.context.visitor``, where every page finds it, and sends a new one its cookie."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.context.visitor = visitor_of(req.cookies.get(COOKIE))

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        visitor = resp.context.visitor
        # Pages, and where forms lead to: what only loads a picture, or asks whether we are well, needs no cookie.
        if visitor.is_new and (resp.content_type == falcon.MEDIA_HTML or resp.status == falcon.HTTP_303):
            resp.set_cookie(
                COOKIE,
                visitor.token,
                max_age=_LIFETIME,
                path="/",
                secure=req.scheme == "https",
                http_only=True,
                same_site="Lax",
            )


class YouPage:
    """``/you``: the name that others read of this visitor."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        with self._site.connect() as conn:
            name = store.name_of(conn, resp.context.visitor)
        self._show(resp, name)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        form = read_form(req)
        try:
            name = line_of_text(form, "name", LONGEST_NAME)
        except FieldRefused as refused:
            self._show(resp, form.get("name", ""), refused)
            return
        with self._site.connect() as conn:
            store.set_name(conn, resp.context.visitor.key, name)
        resp.status = falcon.HTTP_303
        resp.location = "/you"

    def _show(self, resp: falcon.Response, name: str, refused: FieldRefused | None = None) -> None:
        status = falcon.HTTP_400 if refused else falcon.HTTP_200
        self._site.render(resp, "you.html", status, name=name, refused=refused, longest=LONGEST_NAME)
