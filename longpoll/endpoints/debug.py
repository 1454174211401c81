"""GET /longpoll/debug: tells why a given client hears nothing. For who has a key, or whom the application lets."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import falcon

from longpoll.diagnosis import Finding, diagnose
from longpoll.errors import Forbidden
from longpoll.services import App, Services
from queueapi.errors import TicketRefused
from queueapi.signing import Signer

PATH: Final = "/longpoll/debug"
# What a key's ticket is for, and what the application is asked about.
PURPOSE: Final = "debug"
CHANNEL: Final = "longpoll:debug"
_THINGS: Final = ("ticket", "channel", "cursor", "session")

_HINTS: Final = {
    "ticket": "what the page was given, as in job.…",
    "channel": "as the client asks for it, such as /messages/new",
    "cursor": "from the last reply",
    "session": "a Faye or CometD client's clientId",
}

_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Why does it hear nothing?</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 44rem; padding: 0 1rem; color: #222 }}
label {{ display: block; margin: .7rem 0 }} label span {{ color: #666 }}
input {{ box-sizing: border-box; width: 100%; font: inherit; padding: .4rem }}
button {{ font: inherit; padding: .4rem 1.2rem }}
li {{ margin: .5rem 0; overflow-wrap: anywhere }} li::marker {{ font-weight: bold }}
li.bad {{ color: #a00 }} li.bad::marker {{ content: "✗  " }} li.good::marker {{ content: "✓  " }}
</style></head><body>
<h1>Why does it hear nothing?</h1>
<p>Give what the client has; each thing is looked at by itself and together with the others.</p>
{findings}
<form method="post">{fields}<button>Look</button></form>
</body></html>
"""


def key(signer: Signer, seconds: float) -> str:
    """What opens the page for so many seconds."""
    return signer.sign(PURPOSE, "all", seconds)


class Debug:
    """See :class:`longpoll.services.Endpoint`."""

    def install(self, app: App, services: Services) -> None:
        app.add_route(PATH, DebugPage(services))


class DebugPage:
    """A page for people; JSON for who asks for it. What is looked at goes by POST: addresses end up in logs."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._check(req)
        self._show(req, resp, {name: req.get_param(name, default="") for name in _THINGS})

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._check(req)
        form = req.get_media()
        self._show(req, resp, {name: str(form.get(name, "")).strip() for name in _THINGS})

    def _check(self, req: falcon.Request) -> None:
        given = (req.auth or "").removeprefix("Bearer ") or req.get_param("key", default="")
        try:
            if self._services.door.signer.verify(given).purpose == PURPOSE:
                return
        except TicketRefused:
            pass
        visitor = self._services.visitor(req, "debug")
        if not self._services.door.word(visitor, CHANNEL, "subscribe"):
            raise Forbidden(
                "this page takes a key: open the address that  longpoll-serve --debug  prints, or let "
                f"authorize= say yes to {CHANNEL}"
            )

    def _show(self, req: falcon.Request, resp: falcon.Response, asked: dict[str, str]) -> None:
        findings = diagnose(self._services, asked)
        if req.client_prefers((falcon.MEDIA_HTML, falcon.MEDIA_JSON)) == falcon.MEDIA_JSON:
            resp.media = {"findings": [finding._asdict() for finding in findings]}
            return
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Referrer-Policy", "no-referrer")  # the key is in the address
        resp.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        fields = "".join(_field(name, asked[name]) for name in _THINGS)
        resp.text = _PAGE.format(findings=_list(findings), fields=fields)


def _list(findings: Sequence[Finding]) -> str:
    items = (f'<li class="{"good" if one.good else "bad"}">{escape(one.sentence)}</li>' for one in findings)
    return f"<ul>{''.join(items)}</ul>" if findings else ""


def _field(name: str, value: str) -> str:
    return (
        f"<label>{name} <span>{escape(_HINTS[name])}</span>"
        f'<input name="{name}" value="{escape(value)}" autocomplete="off"></label>'
    )
