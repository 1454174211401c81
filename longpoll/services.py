"""What every endpoint is given: one hub, one door, one signer for all dialects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import falcon

from longpoll.addresses import Proxies
from longpoll.door import Door, Visitor
from longpoll.hub import Hub
from longpoll.listener import Feed
from longpoll.meter import Meter
from queueapi.runtime import Runtime

ANYBODY: Final = "*"

App = falcon.App[falcon.Request, falcon.Response]


@dataclass(frozen=True)
class Services:
    """Made by :func:`longpoll.app.create_app`.

    Attributes:
        origins: of the pages that may ask from a browser; ``*`` for any.
        proxies: that are believed where a request comes from.
    """

    feed: Feed
    runtime: Runtime
    door: Door
    meter: Meter
    origins: str | Sequence[str] = ANYBODY
    proxies: Proxies = field(default_factory=Proxies)

    def hub(self) -> Hub:
        """The hub, fed from the first call on.

        Raises:
            StoreUnavailable: this is the first call, and the database is away.
        """
        return self.feed.start()

    def visitor(self, req: falcon.Request, dialect: str, client: str = "") -> Visitor:
        """Who sent this request."""
        address = self.proxies.client(req.remote_addr or "", req.get_header("X-Forwarded-For"))
        return Visitor(dialect, address, req, client)

    def welcomes(self, req: falcon.Request) -> bool:
        """Whether the page that sends this may: one that is named, or of this server.

        Browsers ask nobody before they open a websocket or send a form: only the server can tell.
        """
        return self.origins == ANYBODY or self.knows(req)

    def knows(self, req: falcon.Request) -> bool:
        """Whether it is no page that sends this, or one that is named, or of this server."""
        origin = req.get_header("Origin")
        return origin is None or origin.partition("://")[2] == req.netloc or origin in self.origins


class Endpoint(Protocol):
    """A dialect as it is served: its routes, and what they do."""

    def install(self, app: App, services: Services) -> None:
        """Add the routes."""
