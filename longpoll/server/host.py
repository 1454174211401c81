"""What a connection needs of its server, and what it gives its place to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from longpoll.server.reader import Request
from longpoll.server.rooms import Rooms

if TYPE_CHECKING:
    from gevent._types import _Loop

    from longpoll.server.connection import Connection


class Host(Protocol):
    """What a connection needs of its server."""

    loop: _Loop
    rooms: Rooms[Connection]
    draining: bool
    max_body: int
    max_message: int
    max_unsent: int
    max_collected: int
    collected: int
    send_timeout: float

    def serve(self, connection: Connection, request: Request) -> None:
        """Runs the application, in a greenlet, and then calls `proceed`, `keep` or `close`."""

    def tell(self, work: Callable[[], object]) -> None:
        """Runs it in a greenlet, which a server that stops waits for."""

    def take_turns(self, work: Callable[[], object]) -> None:
        """Runs it in the event loop after all others have had their turn."""

    def in_loop_thread(self) -> bool: ...


class Keeper(Protocol):
    """What goes on with a connection whose request was answered by a reply that is kept. Needs no greenlet."""

    __slots__ = ()

    def begin(self) -> None: ...

    def readable(self) -> None:
        """The client sent something, or left."""

    def written(self) -> None:
        """All that was posted is out."""

    def expire(self) -> None:
        """The room's time is over."""

    def retire(self) -> None:
        """The server drains, and all that it answers by itself is answered."""

    def leave(self) -> None:
        """The connection does something else now, or is closed."""
