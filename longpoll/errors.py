"""What a browser is told when it cannot have what it asked for: a code for programs, a sentence for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from queueapi.errors import QueueAPIError


class Refused(QueueAPIError):
    """The root of the errors that go over the wire.

    Attributes:
        status: the HTTP status.
        code: never changes, so that programs may look for it.
        channels: those of the request that are at fault, as they were asked for.
        retry_after: seconds after which it is worth asking again; None if it is not.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    retry_after: ClassVar[int | None] = None

    def __init__(self, sentence: str, channels: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.channels = list(channels)


class BadRequest(Refused, ValueError):
    """The request is not of the form that the dialect asks for."""


class BadChannel(Refused, ValueError):
    """No channel can have that name."""

    code = "bad_channel"


class BadTicket(Refused, PermissionError):
    """A ticket that is malformed, expired or signed otherwise; or a channel that needs one."""

    status = 403
    code = "bad_ticket"


class Forbidden(Refused, PermissionError):
    """The application says no, or has not said yes where it must."""

    status = 403
    code = "forbidden"


class TooMuch(Refused):
    """More messages, bytes, subscriptions or connections than one may have."""

    status = 429
    code = "too_much"
    retry_after = 1


class UnknownJob(Refused, LookupError):
    """The ticket is good, and its job is not there (any more)."""

    status = 404
    code = "unknown_job"


class Unavailable(Refused, ConnectionError):
    """PostgreSQL is away; what was asked is not known here either."""

    status = 503
    code = "unavailable"
    retry_after = 2
