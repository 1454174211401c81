"""A Pusher application for the tests, and its server library, as plain as can be."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode

from longpoll.dialects.pusher_auth import Keys
from longpoll.endpoints.pusher import Pusher

APP_ID, KEY, SECRET = "123456", "test-key", "test-secret-of-an-application"
KEYS = Keys(KEY, SECRET)
ENVIRON = {"LONGPOLL_PUSHER_APP_ID": APP_ID, "LONGPOLL_PUSHER_KEY": KEY, "LONGPOLL_PUSHER_SECRET": SECRET}
ADDRESS = f"/app/{KEY}?protocol=7&client=js&version=8.6.0&flash=false"

Event = tuple[str, Any]


def endpoint(**options: Any) -> Pusher:
    return Pusher(APP_ID, KEY, SECRET, **options)


def signed(method: str, path: str, body: bytes = b"", **query: str) -> str:
    """The path with its query, signed as server libraries do."""
    return f"{path}?{signed_query(method, path, body, **query)}"


def signed_query(method: str, path: str, body: bytes = b"", **query: str) -> str:
    """The query alone, of a path that is escaped where it is sent."""
    fields = {"auth_key": KEY, "auth_timestamp": f"{time.time():.0f}", "auth_version": "1.0", **query}
    if body:
        fields["body_md5"] = hashlib.md5(body).hexdigest()
    lines = "\n".join([method, path, "&".join(f"{name}={value}" for name, value in sorted(fields.items()))])
    return urlencode({**fields, "auth_signature": KEYS.body(lines.encode())})


def member(id_: object, info: object = None) -> str:
    return json.dumps({"user_id": id_, "user_info": info})


class Api:
    """A server library."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        return self.send(method, signed(method, path, data, **query), data)

    def send(self, method: str, address: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, address, body or None, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def post(self, what: str, body: Any) -> tuple[int, Any]:
        return self.ask("POST", f"/apps/{APP_ID}/{what}", body)

    def get(self, what: str, **query: str) -> tuple[int, Any]:
        return self.ask("GET", f"/apps/{APP_ID}/{what}", **query)

    def trigger(self, channels: str | list[str], event: str, data: Any, **more: Any) -> Any:
        names = [channels] if isinstance(channels, str) else channels
        status, answer = self.post("events", {"channels": names, "name": event, "data": json.dumps(data), **more})
        assert status == 200, answer
        return answer
