"""What a job's ticket says: which job it shows, and whether its holder may cancel it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from queueapi.errors import TicketRefused
from queueapi.signing import Signer

PURPOSE: Final = "job"
_NAME: Final = re.compile(r"([0-9]{1,19})(:cancel)?", re.ASCII)
_LARGEST: Final = 2**63 - 1  # what PostgreSQL would refuse must not reach a statement


class JobTicket(NamedTuple):
    """A verified ticket for a job."""

    id: int
    may_cancel: bool


def sign(signer: Signer, job_id: int, seconds: float, cancel: bool) -> str:
    """A ticket that shows the job for so many seconds. One that allows to cancel it is another: nobody can make it of
    one that does not."""
    return signer.sign(PURPOSE, f"{job_id}:cancel" if cancel else str(job_id), seconds)


def parsed(name: str) -> JobTicket:
    """What the name in a job's ticket says.

    Raises:
        TicketRefused: it names no job.
    """
    found = _NAME.fullmatch(name)
    if found is None or int(found[1]) > _LARGEST:
        shown = repr(name) if len(name) <= 80 else f"{name[:60]!r}…"
        raise TicketRefused(f"the ticket is for the job {shown}, and no job can have that id")
    return JobTicket(int(found[1]), found[2] is not None)


def verified(signer: Signer, ticket: str) -> JobTicket:
    """What the ticket allows.

    Raises:
        TicketRefused: malformed, altered, expired, or not for a job.
    """
    found = signer.verify(ticket)
    if found.purpose != PURPOSE:
        raise TicketRefused(f"the ticket is for a {found.purpose}, not for a job")
    return parsed(found.name)


def may_cancel(signer: Signer, ticket: str) -> int:
    """The id of the job that the ticket's holder may cancel.

    Raises:
        TicketRefused: as :func:`verified`, or it only shows the job.
    """
    found = verified(signer, ticket)
    if not found.may_cancel:
        raise TicketRefused("the ticket only shows the job; to cancel it takes one from  handle.ticket(cancel=True)")
    return found.id
