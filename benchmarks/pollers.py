"""A process of long-polling clients on raw sockets: a script, started by benchmarks.held.

Each client polls once with wait=0 for a cursor, then again with it, and stays. The process says "held N" when all
have sent that second poll and none was answered for a second; then it waits to be ended. It reads what to ask for
from a file: a JSON array with each client's list of channels.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

# Clients that are between their first and their second poll at once: a page's visitors do not all come in one moment.
_AT_ONCE = 100
# Longer than the measurement; the server may cut it down to its own longest.
_WAIT = 60


class Clients:
    """All of them on one event loop.

    Attributes:
        held: how many have a poll open.
        answered: when the last of those came back, by the monotonic clock.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.held = 0
        self.answered = 0.0

    async def stay(self, channels: list[str]) -> None:
        """Poll until cancelled."""
        async with self._room:
            reader, writer = await asyncio.open_connection(self._host, self._port)
            reply = await _poll(reader, writer, {"channels": channels, "cursor": None, "wait": 0})
        while True:
            self.held += 1
            reply = await _poll(reader, writer, {"channels": channels, "cursor": reply["cursor"], "wait": _WAIT})
            self.held -= 1
            self.answered = time.monotonic()


async def _poll(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: dict[str, Any]) -> dict[str, Any]:
    raw = json.dumps(body).encode()
    head = f"POST /poll HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: {len(raw)}\r\n\r\n"
    writer.write(head.encode() + raw)
    status = await reader.readline()
    length = 0
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    answer = await reader.readexactly(length)
    if b" 200 " not in status:
        sys.exit(f"the server answered {status!r} {answer[:200]!r}")
    reply: dict[str, Any] = json.loads(answer)
    return reply


async def main() -> None:
    """Hold them until killed."""
    host, port, file = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    wanted = json.loads(file.read_text())
    clients = Clients(host, port)
    tasks = [asyncio.create_task(clients.stay(channels)) for channels in wanted]
    while clients.held < len(wanted) or time.monotonic() - clients.answered < 1:
        done, _ = await asyncio.wait(tasks, timeout=0.05)
        for task in done:
            task.result()
    print("held", clients.held, flush=True)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
