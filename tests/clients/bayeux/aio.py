"""aiocometd-ng's client. Arguments: the transport, the address."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiocometd_ng.client import Client
from aiocometd_ng.constants import ConnectionType
from aiocometd_ng.exceptions import AiocometdException


def tell(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


async def main(transport: str, url: str) -> None:
    kind = ConnectionType.WEBSOCKET if transport == "websocket" else ConnectionType.LONG_POLLING
    lines: asyncio.StreamReader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with Client(url, connection_types=kind, connection_timeout=0) as client:
        hearing = asyncio.create_task(hear(client))
        async for line in lines:
            told = json.loads(line)
            if told["do"] == "subscribe":
                await client.subscribe(told["channel"])
                tell("subscribed", channel=told["channel"])
            elif told["do"] == "publish":
                try:
                    await client.publish(told["channel"], told["data"])
                    tell("published")
                except AiocometdException as error:
                    tell("failed", error=str(error))
        hearing.cancel()


async def hear(client: Client) -> None:
    async for message in client:
        tell("message", channel=message["channel"], data=message["data"])


asyncio.run(main(*sys.argv[1:]))
