"""Two middlewares: what a browser may do with our pages, and whose forms we accept. Rules first, Falcon below."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import falcon

# A name, an IPv4 address or a bracketed IPv6 address, perhaps with a port: what may be copied into a page or header.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LOOPBACK = "127.0.0.1"


def push_address(configured: str, host: str) -> str:
    """Where this page's browser finds longpoll: as configured, unless that says "this machine" and means ours.

    On the default setting a page opened as http://192.168.1.5:8000 needs http://192.168.1.5:9292: what a browser
    calls 127.0.0.1 is the machine that it runs on itself. Any other setting is taken at its word.

    Args:
        configured: LONGPOLL_URL.
        host: the request's ``Host`` header.
    """
    parts = urlsplit(configured)
    if parts.hostname != _LOOPBACK or not _HOST.fullmatch(host):
        return configured
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{name}{port}{parts.path}"


def content_policy(push: str) -> str:
    """What a page may load: our files and longpoll's. No inline scripts: an unescaped name would only be ugly."""
    parts = urlsplit(push)
    origin = f"{parts.scheme}://{parts.netloc}"
    # In a policy http:// does not stand for ws:// as well.
    socket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    return (
        f"default-src 'none'; script-src 'self' {origin}; connect-src 'self' {origin} {socket}; "
        "img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def is_ours(fetch_site: str | None, origin: str | None, host: str) -> bool:
    """Whether a form that changes something was sent by a page of ours (or by no page at all: curl, a script).

    A page of another site could have its visitors' browsers start jobs here, on an address that only they can reach,
    or write in their names. Every browser of the last years says where a POST comes from; the cookie is SameSite, too.
    """
    if fetch_site:
        return fetch_site in ("same-origin", "none")
    if origin:
        return urlsplit(origin).netloc.lower() == host.lower()  # "null" has no netloc
    return True


class Headers:
    """Sends the content policy and its small companions with every answer that does not bring its own.

    ``resp.context.push`` is where this page's browser finds longpoll.
    """

    def __init__(self, longpoll_url: str) -> None:
        self._longpoll_url = longpoll_url

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.context.push = push_address(self._longpoll_url, req.get_header("Host") or "")

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        for name, value in (
            ("Content-Security-Policy", content_policy(resp.context.push)),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),  # the address of a run is its key
            ("Cache-Control", "no-store"),  # every page here is the state of a moment
        ):
            if resp.get_header(name) is None:
                resp.set_header(name, value)


class OwnForms:
    """Refuses what other sites' pages send."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if req.method in ("GET", "HEAD", "OPTIONS"):
            return
        if not is_ours(req.get_header("Sec-Fetch-Site"), req.get_header("Origin"), req.get_header("Host") or ""):
            raise falcon.HTTPForbidden(
                title="This form was sent from another site",
                description="To be safe, nothing was done. Open the page here and send the form from it.",
            )
