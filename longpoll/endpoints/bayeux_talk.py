"""What Bayeux messages are about, done: by whichever transport they came, and by whichever the replies go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from longpoll.dialects import bayeux, private_pub
from longpoll.dialects.bayeux import Message, Wrong
from longpoll.dialects.bayeux_replies import RESET, VERSION, advice, answer, events, refusal
from longpoll.door import Visitor
from longpoll.endpoints.bayeux_house import House, Put, Words, places
from longpoll.errors import BadChannel, Refused
from longpoll.sessions.asking import Answer, Connect, Held
from longpoll.sessions.session import Session
from queueapi.messages import NewMessage


class Publication(NamedTuple):
    """A message that may be published."""

    put: Put
    message: Message
    new: NewMessage


class Talk:
    """1. takes the messages of a request one after another, and answers when each has its answer; 2. opens and ends
    sessions; 3. lets them wait; 4. lets them listen; 5. publishes; 6. forgets those that wait, when the client left.

    Args:
        types: the connection types that are offered.
        apart: what came is sent by itself as it comes, as over a websocket, and nothing waits for it.
    """

    def __init__(self, house: House, visitor: Visitor, types: Sequence[str], apart: bool = False) -> None:
        self._house = house
        self._sessions = house.sessions
        self._visitor = visitor
        self._types = types
        self._apart = apart
        self._held: dict[str, tuple[Session, Held]] = {}

    # -- 1.

    def hear(self, messages: Sequence[Message], say: Put) -> None:
        """``say`` is given the replies, now or later.

        Raises:
            StoreUnavailable, Unavailable: the database is away. All of it may be sent again.
        """
        self._house.services.hub()  # from the first request on
        puts = places(len(messages), say)
        publications: list[Publication] = []
        for put, message in zip(puts, messages, strict=True):
            family = bayeux.family(message.channel)
            try:
                if family == bayeux.META:
                    self._publish(publications)  # in the order in which they were said
                    publications = []
                    self._meta(message, put, say, alone=len(messages) == 1)
                elif family == bayeux.SERVICE:
                    put(self._serve(message))
                else:
                    publications.append(Publication(put, message, self._checked(message)))
            except Wrong as wrong:
                put([refusal(message, wrong)])
        self._publish(publications)

    def _meta(self, message: Message, put: Put, say: Put, alone: bool) -> None:
        if message.channel == bayeux.HANDSHAKE:
            put([self._handshake(message)])
        elif message.channel == bayeux.CONNECT and self._apart:
            self._connect(message, say, alone)
            put([])
        elif message.channel == bayeux.CONNECT:
            self._connect(message, put, alone)
        elif message.channel == bayeux.SUBSCRIBE:
            put([self._subscribe(message)])
        elif message.channel == bayeux.UNSUBSCRIBE:
            put([self._unsubscribe(message)])
        elif message.channel == bayeux.DISCONNECT:
            put([self._disconnect(message)])
        else:
            raise Wrong(403, message.channel)

    # -- 2. sessions

    def _handshake(self, message: Message) -> dict[str, Any]:
        offer = {"version": VERSION, "supportedConnectionTypes": self._types}
        try:
            bayeux.check_handshake(message, self._types)
        except Wrong as wrong:  # it will not become right by being said again
            return refusal(message, wrong, advice=advice(self._house.hold, "none"), **offer)
        session = self._sessions.open(bayeux.wants_acks(message))
        told = answer(message, clientId=session.id, advice=advice(self._house.hold), **offer)
        return told | {"ext": {"ack": True}} if session.acks else told

    def _disconnect(self, message: Message) -> dict[str, Any]:
        if not self._sessions.close(_client(message)):
            raise Wrong(401, message.client)
        return answer(message)

    def _session(self, message: Message) -> Session:
        session = self._sessions.find(_client(message))
        if session is None:
            raise Wrong(401, message.client)
        return session

    # -- 3. waiting

    def _connect(self, message: Message, put: Put, alone: bool) -> None:
        hold = self._house.hold
        try:
            kind = bayeux.check_connect(message)
            if kind == bayeux.STREAM:
                self._beat(message)
                # What comes goes over the stream; this only says now and then that the client is there.
                put([answer(message, advice=advice(0.0, interval=hold))])
                return
            session = self._session(message)
        except Wrong as wrong:
            put([refusal(message, wrong, advice=advice(hold, "handshake"), ext=RESET)])
            return
        wait = bayeux.wait_of(message, hold) if alone else 0.0

        def told(answered: Answer) -> None:
            put(_connected(message, session, answered, hold))

        held = session.connect(Connect(message.id, wait, bayeux.ack_of(message)), told)
        self._held[session.id] = (session, held)

    def _beat(self, message: Message) -> None:
        client = _client(message)
        if (session := self._sessions.here(client)) is not None:
            session.beat()
        elif not self._sessions.touch(client):
            raise Wrong(401, client)

    # -- 4. listening

    def _subscribe(self, message: Message) -> dict[str, Any]:
        names = bayeux.subscriptions(message)
        self._session(message)
        mark = private_pub.MARK if private_pub.speaks(message.ext) else ""
        things = {name + mark: self._thing(name, message) for name in names}
        try:
            session = self._sessions.change(message.client, things, (), self._house.services.meter.subscribe)
        except Refused as refused:
            raise Wrong(403, names[0], refused=refused) from None
        if session is None:
            raise Wrong(401, message.client)
        return answer(message, subscription=message.fields["subscription"])

    def _thing(self, name: str, message: Message) -> int | str:
        visitor = self._visitor._replace(client=message.client)
        try:
            vouched = any(checker.subscribe(visitor, name, message.ext) for checker in self._house.checkers)
            return self._house.services.door.subscribe(visitor, name, bayeux.ticket_of(message), vouched)
        except Refused as refused:
            raise _shut(name, refused) from None

    def _unsubscribe(self, message: Message) -> dict[str, Any]:
        names = bayeux.subscriptions(message)
        names += [name + private_pub.MARK for name in names]
        if self._sessions.change(_client(message), {}, names, lambda _: None) is None:
            raise Wrong(401, message.client)
        return answer(message, subscription=message.fields["subscription"])

    # -- 5. publishing

    def _checked(self, message: Message) -> NewMessage:
        bayeux.check_publication(message)
        services = self._house.services
        visitor = self._visitor._replace(client=message.client if message.names_client else "")
        asked = (message.channel, message.ext)
        try:
            voucher = next((checker for checker in self._house.checkers if checker.publish(visitor, *asked)), None)
            channel = services.door.publish(visitor, message.channel, vouched=voucher is not None)
            if voucher is not None:
                return NewMessage(channel, *voucher.read(message.fields["data"]))
        except Refused as refused:
            raise _shut(message.channel, refused) from None
        data = bayeux.data_of(message)
        try:
            services.meter.publish(visitor, channel, len(data))
        except Refused as refused:
            raise Wrong(407, message.channel, refused=refused) from None
        return NewMessage(channel, "message", data)

    def _publish(self, publications: Sequence[Publication]) -> None:
        """All that one client says on end, in one statement."""
        for client, some in groupby(publications, lambda one: one.message.client if one.message.names_client else ""):
            own = list(some)
            self._sessions.publish(client, [(one.new, one.message.id if client else None) for one in own])
            for one in own:
                one.put([answer(one.message)])

    def _serve(self, message: Message) -> Words:
        bayeux.check_publication(message)
        told: Words = [answer(message)]
        if self._house.service is not None:
            visitor = self._visitor._replace(client=message.client if message.names_client else "")
            result = self._house.service(visitor, message.channel, message.fields["data"])
            if result is not None:
                told.append({"channel": message.channel, "id": message.fields.get("id"), "data": result})
        return told

    # -- 6.

    def leave(self) -> None:
        """Nobody reads the replies any more."""
        held, self._held = self._held, {}
        for session, connect in held.values():
            session.forget(connect)


def _connected(message: Message, session: Session, answered: Answer, hold: float) -> Words:
    ext: dict[str, Any] = {"ack": answered.number} if session.acks else {}
    news = answered.news
    if news is not None and news.reset:
        ext |= RESET
    told = answer(message, advice=advice(hold), **({"ext": ext} if ext else {}))
    return [told, *(news.worded(events) if news is not None else ())]


def _client(message: Message) -> str:
    if not message.client:
        raise Wrong(402, "clientId")
    if not message.names_client:
        raise Wrong(401, message.client)
    return message.client


def _shut(name: str, refused: Refused) -> Wrong:
    too_long = isinstance(refused, BadChannel) and len(name) > 200
    return Wrong(405 if too_long else 403, name, refused=refused)
