"""Who may listen to what, and publish where: signed tickets, the application's own word, and what is public."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from longpoll.errors import Forbidden
from longpoll.names import (
    Channels,
    checked_channel,
    checked_pattern,
    is_private,
    keys,
    looks_like_ticket,
    meets,
    named,
    resolve,
    shortened,
)
from queueapi.signing import Signer

Action = Literal["subscribe", "publish"]

# (request, channel, action) -> True, False, or None: no opinion, the rules of names and tickets hold. The channel is
# its name in the log (``messages.new``), a pattern's key (``messages.*``), or ``jobs.7`` or ``batches.7``.
Authorize = Callable[[Any, str, Action], bool | None]

# Requests for public channels whose meaning is remembered, which is the same for all who ask; and channels in one.
# What takes a ticket is looked at each time: it expires.
_KNOWN: Final = 1_000
_FEW: Final = 4


class Visitor(NamedTuple):
    """Who asks.

    Attributes:
        dialect: as in ``bayeux``.
        address: the network address that the request came from.
        request: the Falcon request; over a websocket, the one that opened it.
        client: the session's id, where the dialect has sessions.
    """

    dialect: str
    address: str
    request: Any
    client: str = ""


class Door:
    """1. lets a visitor listen; 2. lets a visitor publish.

    Args:
        authorize: the application's own word, asked for each channel before anything else.
        publish: the channels and patterns on which any client may publish. By default none: what everybody hears
            should come from the application.
        private: those that take a ticket to listen to, beside what is called private.

    Raises:
        BadChannel: one of ``publish`` or ``private`` is neither a channel nor a pattern.
    """

    def __init__(
        self,
        signer: Signer,
        authorize: Authorize | None = None,
        publish: Iterable[str] = (),
        private: Iterable[str] = (),
    ) -> None:
        self.signer = signer
        self._authorize = authorize
        self._publish = frozenset(checked_pattern(name) for name in publish)
        self._private = frozenset(checked_pattern(name) for name in private)
        self._known = lru_cache(maxsize=_KNOWN)(self._resolve)

    @property
    def asks(self) -> bool:
        """Whether the application has a word in it, which may take its time."""
        return self._authorize is not None

    # -- 1. listening

    def listen(self, visitor: Visitor, asked: Sequence[str]) -> Channels:
        """What tickets and names stand for, in the native dialect.

        Raises:
            BadTicket, BadChannel, Forbidden: some are refused.
        """
        if self._authorize is not None or len(asked) > _FEW or any(map(looks_like_ticket, asked)):
            return resolve(asked, self.signer, lambda thing: self.word(visitor, thing, "subscribe"), self._is_private)
        return self._known(tuple(asked))

    def _resolve(self, asked: Sequence[str]) -> Channels:
        return resolve(asked, self.signer, private=self._is_private)

    def subscribe(self, visitor: Visitor, name: str, ticket: str | None = None, vouched: bool = False) -> int | str:
        """What somebody may listen to who asks by name: a job, a batch below zero, or a key.

        Args:
            vouched: something else than a ticket speaks for it. The application's no counts more.

        Raises:
            BadTicket, BadChannel, Forbidden: it may not.
        """

        def allowed(thing: int | str) -> bool | None:
            word = self.word(visitor, thing, "subscribe")
            return True if word is None and vouched else word

        return named(name, ticket, self.signer, allowed, self._is_private)

    def _is_private(self, key: str) -> bool:
        return is_private(key) or any(meets(key, private) for private in self._private)

    # -- 2. publishing

    def publish(self, visitor: Visitor, name: str, vouched: bool = False) -> str:
        """The channel's name in the log.

        Args:
            vouched: as for :meth:`subscribe`.

        Raises:
            BadChannel: no channel can have that name.
            Forbidden: it may not publish there.
        """
        channel = checked_channel(name)
        verdict = self.word(visitor, channel, "publish")
        if verdict is None:
            verdict = vouched or not self._publish.isdisjoint(keys(channel))
        if not verdict:
            raise Forbidden(
                f"clients may not publish on {shortened(name)}: the application should, or let them by authorize= or "
                "longpoll-serve --publish",
                [name],
            )
        return channel

    def word(self, visitor: Visitor, thing: int | str, action: Action) -> bool | None:
        """What the application says; None if it has no opinion."""
        if self._authorize is None:
            return None
        channel = thing if isinstance(thing, str) else f"jobs.{thing}" if thing >= 0 else f"batches.{-thing}"
        return self._authorize(visitor.request, channel, action)
