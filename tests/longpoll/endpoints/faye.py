"""A client of Bayeux' wire over HTTP, with as much mind as a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import falcon
import falcon.testing

POLLING = ["long-polling", "callback-polling"]


class Faye:
    """One of them; its messages have numbers, and its session's id once it has one."""

    def __init__(self, app: Any, path: str = "/faye") -> None:
        self.http = falcon.testing.TestClient(app)
        self.path = path
        self.client = ""
        self._number = 0

    def post(self, *messages: Mapping[str, Any], **how: Any) -> Any:
        """The replies to a request."""
        result = self.http.simulate_post(self.path, json=list(messages), **how)
        assert result.status == falcon.HTTP_200, result.text
        return result.json

    def say(self, channel: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        client = {"clientId": self.client} if self.client else {}
        return {"channel": channel, "id": str(self._number), **client, **fields}

    def one(self, channel: str, **fields: Any) -> dict[str, Any]:
        """The only reply to the only message."""
        (told,) = self.post(self.say(channel, **fields))
        return dict(told)

    def shake(self, **fields: Any) -> dict[str, Any]:
        asked = {"version": "1.0", "supportedConnectionTypes": POLLING, **fields}
        told = self.one("/meta/handshake", **asked)
        self.client = told["clientId"]
        return told

    def connect(self, **fields: Any) -> list[Any]:
        return list(self.post(self.say("/meta/connect", connectionType="long-polling", **fields)))

    def subscribe(self, *channels: str, **fields: Any) -> dict[str, Any]:
        told = self.one("/meta/subscribe", subscription=list(channels), **fields)
        assert told["successful"], told
        return told

    def begin(self, *channels: str) -> Faye:
        """A session, its first connect behind it."""
        self.shake()
        if channels:
            self.subscribe(*channels)
        self.connect()
        return self
