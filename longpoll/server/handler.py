"""Runs the application for one whole request, and lets pywsgi write the reply unless it is to be kept."""

from __future__ import annotations

import logging
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gevent import GreenletExit
from gevent.pywsgi import Input, WSGIHandler, WSGIServer, _NoopLog  # type: ignore[attr-defined]

from longpoll.server import replies
from longpoll.server.heads import Head
from longpoll.server.holding import Holding
from longpoll.server.reader import Request
from longpoll.server.streaming import Streaming
from longpoll.server.upgraded import Upgraded
from longpoll.transports import handshake
from longpoll.transports.held import HeldReply
from longpoll.transports.stream import StreamReply
from longpoll.transports.websocket import WebSocketReply

if TYPE_CHECKING:
    from longpoll.server.connection import Connection

logger = logging.getLogger("longpoll.server")

# Up to here head and body are joined into one write; above it the copy costs more than the system call.
ONE_WRITE = 64 * 1024
_NO_FILE = BytesIO()  # pywsgi would read the request from it
_NOTHING_LEFT = Input(_NO_FILE, 0)  # type: ignore[arg-type]  # pywsgi discards what is left of a body: never any
_BODILESS = (204, 304)

Kept = HeldReply | StreamReply | WebSocketReply


class Handler(WSGIHandler):
    """One request of one connection.

    1. `handle` runs the application and writes its reply, or finds that it is to be kept.
    2. Then it gives the connection away: to keep it, to wait for the next request on it, or to end it.
    """

    socket: Connection  # type: ignore[assignment]  # pywsgi only ever calls sendall on it
    server: Any  # a `Server`, which stands above this module
    status: Any  # these two are bytes, whatever the stubs say
    response_headers: Any

    def __init__(self, connection: Connection, request: Request, server: WSGIServer) -> None:
        super().__init__(connection, connection.address, server, _NO_FILE)  # type: ignore[arg-type,call-arg]
        self._request = request
        self._kept: Kept | None = None

    def handle(self) -> None:
        connection = self.socket
        self._begin(self._request.head)
        self.handle_one_response()
        if isinstance(self._kept, HeldReply):
            connection.keep(Holding(connection, self._kept, self._reply_head()))
        elif isinstance(self._kept, StreamReply):
            self._stream(self._kept)
        elif self._kept is not None:
            self._upgrade(self._kept)
        else:
            connection.proceed(closing=self.close_connection)

    # -- the request, as pywsgi knows it

    def _begin(self, head: Head) -> None:
        self.requestline, self.command = head.line, head.method
        self.path, self.request_version = head.target, head.version
        self.close_connection = not head.stays
        self.application = self.server.application
        self.wsgi_input = _NOTHING_LEFT
        self.environ = self.get_environ()

    def get_environ(self) -> dict[str, Any]:
        head, body = self._request
        environ: dict[str, Any] = self.server.get_environ()
        environ.update(head.environ)
        if head.length is None:
            environ["CONTENT_LENGTH"] = str(len(body))
        if isinstance(self.client_address, tuple):
            environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = map(str, self.client_address[:2])
        environ["wsgi.input"] = BytesIO(body)
        environ["wsgi.input_terminated"] = True
        environ[handshake.UPGRADES] = True
        return environ

    # -- the reply

    def process_result(self) -> None:
        if isinstance(self.result, Kept) and self._can_be_kept():
            self._kept = self.result
            self.result = None  # or pywsgi would close() it, which abandons it
        else:
            super().process_result()

    def _can_be_kept(self) -> bool:
        if isinstance(self.result, HeldReply) and self.code in _BODILESS:
            return False
        return self.status is not None and not self.headers_sent

    def _reply_head(self) -> replies.ReplyHead:
        return replies.reply_head(
            self.status,
            tuple(self.response_headers),
            keep_alive=not self.close_connection,
            http10=self.request_version == "HTTP/1.0",
            bodiless=self.command == "HEAD",
        )

    def _stream(self, reply: StreamReply) -> None:
        connection = self.socket
        chunked = self.request_version == "HTTP/1.1" and self.code not in _BODILESS
        # Without chunks only the connection's end ends a body.
        ends = self.code not in _BODILESS and not chunked
        closing = self.close_connection or ends or self.server.draining
        head = replies.stream_head(replies.head_of(self.status, self.response_headers), chunked, closing)
        if self.command == "HEAD" or self.code in _BODILESS:
            reply.abandon()  # nothing that it says reaches the client
            connection.sendall(head)
            connection.proceed(closing)
        else:
            connection.keep(Streaming(connection, reply, head, chunked=chunked, closing=closing))

    def _upgrade(self, reply: WebSocketReply) -> None:
        connection = self.socket
        assert self.environ is not None
        refused = handshake.refusal(self.environ)
        if refused is None:
            connection.keep(Upgraded(connection, reply, handshake.reply_head(self.environ, reply.subprotocol)))
        else:
            reply.abandon()
            connection.sendall(replies.plain(refused.status, refused.sentence, refused.headers))
            connection.proceed(closing=True)

    def finalize_headers(self) -> None:
        """Decides how the body ends and whether the connection does."""
        super().finalize_headers()
        headers = self.response_headers
        has_body = self.code not in _BODILESS
        if has_body and self.provided_content_length is None and not self.response_use_chunked:
            # HTTP/1.0 knows no chunks: unless pywsgi counted the body, only the connection's end ends it.
            self.close_connection |= not any(name == b"Content-Length" for name, _ in headers)
        if self.command == "HEAD":
            self.response_use_chunked = False  # the header stands, but not even a last chunk follows
        self.close_connection |= self.server.draining
        headers[:] = [field for field in headers if field[0].lower() != b"connection"]
        if self.close_connection:
            headers.append((b"Connection", b"close"))
        elif self.request_version == "HTTP/1.0":
            headers.append((b"Connection", b"keep-alive"))

    def _write_with_headers(self, data: bytes) -> None:
        self.headers_sent = True
        self.finalize_headers()
        lines = [b"HTTP/1.1 %b" % self.status]
        lines += [b"%b: %b" % field for field in self.response_headers]
        head = b"\r\n".join([*lines, b"", b""])
        if data and self.command != "HEAD" and not self.response_use_chunked and len(data) <= ONE_WRITE:
            self._sendall(head + data)  # type: ignore[attr-defined]
        else:
            self._sendall(head)  # type: ignore[attr-defined]
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self.command != "HEAD":
            super()._write(data)  # type: ignore[misc]

    # -- what is logged

    def log_request(self) -> None:
        if not isinstance(self.server.log, _NoopLog):
            super().log_request()

    def log_error(self, msg: str, *args: object) -> None:
        logger.debug(msg, *args)  # pywsgi's word for what clients do wrong: any of them could fill a log

    def _log_error(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not issubclass(kind, GreenletExit):
            what = f"{self.command} {(self.path or '').partition('?')[0]}"  # a query may hold a ticket
            logger.error("The application failed in %s", what, exc_info=(kind, error, traceback))
