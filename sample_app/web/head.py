"""HEAD wherever there is GET: Falcon would ask each page for a method of its own."""

from __future__ import annotations

import falcon


class HeadAsGet:
    """Routes a HEAD as the GET that it asks about. Falcon leaves the body out by itself when it is a HEAD again."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.method == "HEAD":
            req.method = "GET"
            req.context.head = True

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        if getattr(req.context, "head", False):
            req.method = "HEAD"
