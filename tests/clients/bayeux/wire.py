"""Faye's long-polling client in a few lines: two hundred of them share one event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class WireClient:
    """Sends each request to the next of the nodes; what gets no answer it sends again, under the same number, as Faye.

    Attributes:
        came: the data that it was sent, in order.
        sessions: how many it has had.
        lost: how often it was told that something may be missing.
    """

    def __init__(self, ports: Sequence[int], turn: int) -> None:
        self._ports = ports
        self._turn = turn
        self._connections: dict[int, Connection] = {}
        self._number = 0
        self._client = ""
        self.came: list[Any] = []
        self.sessions = 0
        self.lost = 0

    async def listen(self, channel: str) -> None:
        """From the return on."""
        told = await self._say("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
        self._client = told[0]["clientId"]
        self.sessions += 1
        told = await self._say("/meta/subscribe", subscription=channel)
        assert told[0]["successful"], told

    async def follow(self) -> None:
        """Until cancelled."""
        try:
            while True:
                told, *events = await self._say("/meta/connect", connectionType="long-polling")
                assert told["successful"], told
                self.lost += bool(told.get("ext", {}).get("longpoll", {}).get("reset"))
                self.came += [event["data"] for event in events]
        finally:
            for port in list(self._connections):
                self._drop(port)

    async def _say(self, channel: str, **fields: Any) -> list[Any]:
        self._number += 1
        message = {"channel": channel, "clientId": self._client, "id": str(self._number), **fields}
        body = json.dumps([message]).encode()
        while True:
            self._turn += 1
            port = self._ports[self._turn % len(self._ports)]
            try:
                return await self._post(port, body)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                self._drop(port)
                await asyncio.sleep(0.1)

    async def _post(self, port: int, body: bytes) -> list[Any]:
        if port not in self._connections:
            self._connections[port] = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self._connections[port]
        head = (
            f"POST /faye HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        text = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self._drop(port)
        if " 200 " not in status:
            raise EOFError(status)
        found: list[Any] = json.loads(text)
        return found

    def _drop(self, port: int) -> None:
        connection = self._connections.pop(port, None)
        if connection is not None:
            connection[1].transport.abort()
