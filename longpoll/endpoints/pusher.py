"""Pusher's protocol as it is served: its clients and its server libraries work as they are, given our address."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Self

from longpoll.endpoints import pusher_api
from longpoll.endpoints.pusher_application import MAX_DATA, Application
from longpoll.endpoints.pusher_desk import Desk
from longpoll.endpoints.pusher_fallback import Fallback, Xhr, XhrSend, XhrStreaming
from longpoll.endpoints.pusher_socket import Socket
from longpoll.services import App, Services
from queueapi.errors import SettingsError

# Where clients look for what stands in for a websocket, unless they are told otherwise by httpPath.
FALLBACK: Final = "/pusher"


class Pusher:
    """See :class:`longpoll.services.Endpoint`."""

    def __init__(self, app_id: str, key: str, secret: str, **options: Any) -> None:
        """The options are those of :class:`Application`.

        Raises:
            SettingsError: one of them cannot be.
        """
        self.application = Application(app_id, key, secret, **options)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self | None:
        """What ``LONGPOLL_PUSHER_APP_ID``, ``_KEY`` and ``_SECRET`` say; None if there is none of them.

        ``LONGPOLL_PUSHER_WEBHOOKS`` has addresses with spaces between, ``LONGPOLL_PUSHER_MAX_DATA`` a number of bytes;
        ``LONGPOLL_PUSHER_COUNTS=1`` tells subscribers how many they are, ``LONGPOLL_PUSHER_CLIENT_EVENTS=0`` lets none
        of them publish.

        Raises:
            SettingsError: one of them is missing, or cannot be.
        """
        environ = os.environ if environ is None else environ
        given = {name: environ.get(f"LONGPOLL_PUSHER_{name}", "") for name in ("APP_ID", "KEY", "SECRET")}
        if not any(given.values()):
            return None
        for name, text in given.items():
            if not text:
                raise SettingsError(f"LONGPOLL_PUSHER_{name} is not set, and Pusher's clients need all three")
        size = environ.get("LONGPOLL_PUSHER_MAX_DATA") or str(MAX_DATA)
        return cls(
            given["APP_ID"],
            given["KEY"],
            given["SECRET"],
            max_data=int(size) if size.isdecimal() else -1,
            client_events=environ.get("LONGPOLL_PUSHER_CLIENT_EVENTS") != "0",
            subscription_counts=environ.get("LONGPOLL_PUSHER_COUNTS") == "1",
            webhooks=environ.get("LONGPOLL_PUSHER_WEBHOOKS", "").split(),
        )

    @property
    def max_body(self) -> int:
        """What the server must take: see :attr:`Application.max_body`."""
        return self.application.max_body

    def install(self, app: App, services: Services) -> None:
        """Add the routes."""
        desk = Desk(self.application, services)
        fallback = Fallback(desk)
        pusher_api.add_routes(app.add_route, desk)
        app.add_route("/app/{key}", Socket(desk))
        address = f"{FALLBACK}/app/{{key}}/{{number}}/{{name}}"
        app.add_route(f"{address}/xhr", Xhr(fallback))
        app.add_route(f"{address}/xhr_streaming", XhrStreaming(fallback))
        app.add_route(f"{address}/xhr_send", XhrSend(fallback))
