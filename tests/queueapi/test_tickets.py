"""What a job's ticket allows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import queueapi
from queueapi import Job, Settings, TestQueue, TicketRefused, tickets, verify_ticket
from queueapi.signing import Signer

SIGNER = Signer("s" * 32)


class Shown(Job, kind="tests.shown"):
    def run(self) -> None: ...


@pytest.fixture
def queue() -> Iterator[queueapi.Queue]:
    queue = TestQueue(Settings(secrets=("s" * 32,)))
    queueapi.configure(queue)
    yield queue
    queueapi.configure()


@pytest.mark.parametrize("cancel", [False, True])
def test_what_was_signed_comes_back(cancel: bool) -> None:
    assert tickets.verified(SIGNER, tickets.sign(SIGNER, 5, 60, cancel)) == (5, cancel)


def test_a_ticket_that_shows_cannot_be_made_one_that_cancels() -> None:
    shows, cancels = (tickets.sign(SIGNER, 5, 60, cancel) for cancel in (False, True))
    purpose, _, expires, signature = shows.split(".")
    forged = ".".join([purpose, cancels.split(".")[1], expires, signature])
    with pytest.raises(TicketRefused, match="signature"):
        tickets.verified(SIGNER, forged)


@pytest.mark.parametrize("name", ["", "x", "-1", "5:", "5:cancel ", "5:cancel\n", "٥", str(2**63), "1" * 100])
def test_a_name_that_no_job_has_is_refused(name: str) -> None:
    with pytest.raises(TicketRefused, match="no job can have that id"):
        tickets.parsed(name)


def test_a_handle_gives_both_kinds_and_whoever_asks_is_told_which(queue: queueapi.Queue) -> None:
    handle = queue.push(Shown())
    shows, cancels = handle.ticket(), handle.ticket(cancel=True)
    assert verify_ticket(shows).id == verify_ticket(cancels).id == verify_ticket(cancels, cancel=True).id == handle.id
    with pytest.raises(TicketRefused, match="only shows the job"):
        verify_ticket(shows, cancel=True)
    assert verify_ticket(cancels, cancel=True).cancel() is True
