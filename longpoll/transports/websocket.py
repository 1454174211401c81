"""A WSGI response that turns the connection into a websocket.

Only `longpoll.server` can do that. An app asks `handshake.refusal` first, which knows the server, and answers
with a `WebSocketReply` only if there is none.

Nothing is compressed (permessage-deflate is not offered): zlib keeps a window for each direction of each
connection, a hundred times what an idle websocket costs here; what is compressed for one client cannot be sent to
another; a few bytes may unpack to gigabytes; and a secret that is compressed together with what a stranger wrote
shows in the length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from longpoll.transports import frames
from longpoll.transports.outgoing import Outgoing

VANISHED = 1006  # never sent: noted of a client that just left


class WebSocketReply(Outgoing):
    """One websocket, from its server's side. It carries text, whole messages only.

    What is sent before the upgrade goes out right behind it. Nothing here waits for the client: what its socket
    does not take is kept for it, and a client that reads too slowly is cut off. Pings of the client are answered,
    and a client that is silent is pinged and at last cut off, by the server.
    """

    __slots__ = ("close_code", "on_message", "subprotocol")

    def __init__(
        self,
        on_message: Callable[[str], object],
        on_gone: Callable[[], object] | None = None,
        subprotocol: str | None = None,
    ) -> None:
        """
        Args:
            on_message: called with each message of the client, in a greenlet, one after another. It may take its
                time: the client is not read any further meanwhile. If it raises, that is logged and the
                websocket is closed with 1011.
            on_gone: called once when nothing more can reach the client: it left, was cut off, or the websocket was
                closed by either side, or the request was not upgraded after all. In a greenlet, after the last
                `on_message` has returned.
            subprotocol: one that the client offered; see `handshake.choose`.
        """
        super().__init__(on_gone)
        self.on_message = on_message
        self.subprotocol = subprotocol
        self.close_code: int | None = None  # the client's; 1005: it gave none, 1006: it just left

    def send_text(self, text: str | bytes) -> None:
        """Sends one message; from any thread or greenlet, in order. Nothing happens if the websocket is closed.

        Args:
            text: as a string or in UTF-8. Give many clients the same object, and it is written as a frame once.

        Raises:
            ValueError: it is not UTF-8, or cannot be.
        """
        self.put(frames.text(text))

    def ping(self, payload: bytes = b"") -> None:
        """Sends a ping of at most 125 bytes; the server does by itself.

        Raises:
            ValueError: it is longer.
        """
        self.put(frames.ping(payload))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the websocket after all that was sent; the client has some seconds to answer.

        Args:
            reason: of at most 123 bytes in UTF-8; more is cut.

        Raises:
            ValueError: the code may not be sent.
        """
        self.put_last(frames.close(frames.checked_code(code), reason))

    def __iter__(self) -> Iterator[bytes]:
        """Only another server iterates this, and there is nothing that it could do with it."""
        self.abandon()
        return iter([b"This server cannot upgrade to a websocket.\n"])
