"""The front page, and whether the app is well."""

from __future__ import annotations

import falcon
import psycopg

from sample_app.web.site import Site


class IndexPage:
    """``/``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._site.render(resp, "index.html")


class Health:
    """``/healthz``: 200 if this process can serve pages, which it cannot without the database; 503 if not."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            with self._site.connect() as conn:
                conn.execute("select 1")
        except psycopg.Error as error:
            resp.status = falcon.HTTP_503
            resp.media = {"status": "the database does not answer", "error": str(error).strip()}
        else:
            resp.media = {"status": "ok"}
