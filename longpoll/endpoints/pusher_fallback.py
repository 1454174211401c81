"""Pusher's protocol without websockets: POST /pusher/app/{key}/{number}/{name}/xhr, …/xhr_streaming and …/xhr_send.

A connection is a row that each request takes, with all that is needed to go on: any node may get the next request.
"""

from __future__ import annotations

from typing import Final

import falcon

from longpoll.dialects import pusher, pusher_xhr
from longpoll.dialects.pusher_names import fallback_channel
from longpoll.dialects.pusher_xhr import checked_session, closed
from longpoll.door import Visitor
from longpoll.endpoints.pusher_carriers import Carrier, Poll, Session, Stream
from longpoll.endpoints.pusher_connection import Connection
from longpoll.endpoints.pusher_desk import Desk
from longpoll.endpoints.pusher_socket import new_socket_id, refused
from longpoll.endpoints.pusher_subscriptions import FRESH, read
from longpoll.endpoints.requests import body_of
from longpoll.errors import Refused
from longpoll.meter import Limits, Meter
from longpoll.presence import BETWEEN
from queueapi.postgres.fallbacks import Claimed, Fallbacks

# Bytes of a request that speaks: a frame of 10 KB, escaped twice.
MAX_SEND: Final = 64 * 1024
# What is written to the log for another node stays there for a day: a page that comes back with a hundred channels may
# say so at once, and an address with many of them; nobody may fill it.
_WRITTEN: Final = Limits(client_messages=100.0, channel_messages=100.0, address_messages=1_000.0)


class Fallback:
    """What the requests of all connections share here.

    Attributes:
        carriers: by connection, the request that is to be answered by what comes, if it is here.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.rows = Fallbacks(desk.services.runtime.pool)
        self.carriers: dict[str, Carrier] = {}

    def begin(self, req: falcon.Request, resp: falcon.Response, key: str) -> bytes | None:
        """What a client that can have no connection is told."""
        resp.content_type = "application/javascript; charset=utf-8"
        resp.set_header("Cache-Control", "no-store, no-transform")
        self.desk.services.hub()
        refusal = refused(self.desk, req, key)
        return None if refusal is None else closed(*refusal)

    def carry(self, visitor: Visitor, id_: str, claimed: Claimed, carrier: Carrier) -> None:
        """Go on with the connection in this request."""
        other = self.carriers.get(id_)
        if other is not None and other.session.lease > claimed.lease:
            carrier.lose()
            return
        if other is not None:
            other.replaced()
        connection = Connection(
            self.desk, visitor._replace(client=claimed.connection), carrier, claimed.connection, id_
        )
        carrier.carry(connection, Session(id_, claimed.lease), self.carriers)
        connection.begin(read(claimed.state), claimed.cursor)


class Xhr:
    """A poll: it is answered as soon as there is something, and then comes again."""

    def __init__(self, fallback: Fallback) -> None:
        self._fallback = fallback
        self._desk = fallback.desk

    def on_post(self, req: falcon.Request, resp: falcon.Response, key: str, number: str, name: str) -> None:
        id_ = checked_session(key, number, name)
        if (refusal := self._fallback.begin(req, resp, key)) is not None:
            resp.data = refusal
            return
        visitor = self._desk.services.visitor(req, "pusher")
        poll = Poll(self._desk, visitor)
        try:
            self._answer(visitor, id_, poll)
        except BaseException:
            poll.uncount()
            raise
        if poll.reply.body is None:
            resp.stream = poll.reply
        else:
            resp.data = poll.reply.body

    def _answer(self, visitor: Visitor, id_: str, poll: Poll) -> None:
        rows = self._fallback.rows
        claimed = rows.claim(id_, self._desk.presence.node)
        if claimed is None:
            rows.open(id_, new_socket_id(), FRESH, BETWEEN, None)
            poll.finish(pusher_xhr.OPEN)  # to a client that had a connection this says that it is lost
        else:
            self._fallback.carry(visitor, id_, claimed, poll)


class XhrStreaming:
    """A stream: it goes on until its client has enough of it, and then goes on in another."""

    def __init__(self, fallback: Fallback) -> None:
        self._fallback = fallback
        self._desk = fallback.desk

    def on_post(self, req: falcon.Request, resp: falcon.Response, key: str, number: str, name: str) -> None:
        id_ = checked_session(key, number, name)
        resp.set_header("X-Accel-Buffering", "no")
        if (refusal := self._fallback.begin(req, resp, key)) is not None:
            resp.data = refusal
            return
        visitor = self._desk.services.visitor(req, "pusher")
        stream = Stream(self._desk, visitor)
        try:
            self._answer(visitor, id_, stream)
        except BaseException:
            stream.uncount()
            raise
        resp.stream = stream.reply

    def _answer(self, visitor: Visitor, id_: str, stream: Stream) -> None:
        rows, node = self._fallback.rows, self._desk.presence.node
        claimed = rows.claim(id_, node)
        if claimed is None:
            claimed = rows.open(id_, new_socket_id(), FRESH, BETWEEN, node)
            stream.write(pusher_xhr.OPEN)
        if claimed is None:  # another request has opened it in the same moment
            stream.reply.end()
        else:
            self._fallback.carry(visitor, id_, claimed, stream)


class UnknownConnection(Refused, LookupError):
    """It never was, or nobody has asked for it for too long."""

    status = 404
    code = "unknown_connection"


class XhrSend:
    """What a client says. It is heard by whoever answers the connection's other request, here or elsewhere, or will
    answer its next."""

    def __init__(self, fallback: Fallback) -> None:
        self._fallback = fallback
        self._desk = fallback.desk
        self._meter = Meter(_WRITTEN)

    def on_post(self, req: falcon.Request, resp: falcon.Response, key: str, number: str, name: str) -> None:
        id_ = checked_session(key, number, name)
        frames = pusher_xhr.read_send(body_of(req, MAX_SEND, "send fewer frames"))
        resp.status = falcon.HTTP_204
        carrier = self._fallback.carriers.get(id_)
        if not frames and carrier is not None:
            carrier.ping()
        while frames and carrier is not None and carrier.hear(frames[0]):
            del frames[0]
        if frames:
            self._write_down(req, id_, frames)

    def _write_down(self, req: falcon.Request, id_: str, frames: list[str]) -> None:
        visitor = self._desk.services.visitor(req, "pusher", id_)
        for frame in frames:
            pusher.read_frame(frame)  # what means nothing is not written down
            self._meter.publish(visitor, id_, len(frame))
        if not self._fallback.rows.send(id_, fallback_channel(id_), frames):
            raise UnknownConnection("there is no such connection, or no more: connect again")
