"""``<script src=".../faye">``: Faye's own client for browsers, as it was published."""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files

import falcon

from longpoll.endpoints.native import SCRIPT_AGE


class Script:
    """1.4.0, which old browsers understand: from 1.4.2 on it is written for new ones."""

    def __init__(self) -> None:
        self._text = (files("longpoll") / "static" / "faye" / "faye-browser-min.js").read_bytes()
        self._etag = f'"{blake2b(self._text, digest_size=9).hexdigest()}"'

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.cache_control = [f"public, max-age={SCRIPT_AGE}"]
        resp.set_header("ETag", self._etag)
        if self._etag in req.get_header("If-None-Match", default=""):
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = "text/javascript; charset=utf-8"
            resp.data = self._text

    on_head = on_get
