"""Why a client hears nothing: what it holds is looked at, and every finding is one sentence."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from longpoll import names
from longpoll.cursor import decode
from longpoll.errors import Refused
from longpoll.hub import Hub
from longpoll.services import Services
from queueapi.errors import TicketRefused
from queueapi.postgres.diagnosis import Diagnosis


class Finding(NamedTuple):
    """``about``: which of the client's things; ``good``: whether it stands in the way of nothing."""

    about: str
    good: bool
    sentence: str


def diagnose(services: Services, asked: Mapping[str, str]) -> list[Finding]:
    """Looks at each of ``ticket``, ``channel``, ``cursor`` and ``session`` that is given.

    Raises:
        StoreUnavailable: the database is away, which is why nobody hears anything.
    """
    hub, look = services.hub(), Diagnosis(services.runtime.pool)
    findings: list[Finding] = []
    opened: int | str | None = None
    if ticket := asked.get("ticket"):
        found, opened = _ticket(services, ticket)
        findings += found
    if channel := asked.get("channel"):
        findings += _channel(hub, look, channel, opened)
    elif isinstance(opened, str):
        findings += _heard(hub, look, opened)
    if cursor := asked.get("cursor"):
        findings.append(_cursor(hub, cursor))
    if session := asked.get("session"):
        findings += _session(hub, look, session)
    return findings


def _ticket(services: Services, ticket: str) -> tuple[list[Finding], int | str | None]:
    try:
        thing = names.opened(ticket, services.door.signer)
    except (Refused, TicketRefused) as refused:
        return [Finding("ticket", False, _sentence(refused))], None
    expires = services.door.signer.verify(ticket).expires - time.time()
    what = f"the channel {thing}" if isinstance(thing, str) else _what(thing)
    findings = [Finding("ticket", True, f"The ticket is good for another {expires:,.0f} s, and opens {what}.")]
    if isinstance(thing, int):
        findings.append(_job(services, thing))
    return findings, thing


def _job(services: Services, thing: int) -> Finding:
    status = services.runtime.read(thing) if thing >= 0 else services.runtime.bundles.read(-thing)
    if status is None:
        return Finding("job", False, f"There is no {_what(thing)}: its push was rolled back, or it is no longer kept.")
    return Finding("job", True, f"The {_what(thing)} is {status.state}; a browser that listens is told that at once.")


def _what(thing: int) -> str:
    return f"job {thing}" if thing >= 0 else f"batch {-thing}"


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _channel(hub: Hub, look: Diagnosis, name: str, opened: int | str | None) -> Iterator[Finding]:
    try:
        key = names.checked_pattern(name)
    except Refused as refused:
        yield Finding("channel", False, _sentence(refused))
        return
    if key != name:
        yield Finding("channel", True, f"{name} is {key} in the log.")
    if names.is_private(key) and opened != key:
        wrong = "the ticket given is for something else" if opened is not None else "no good ticket was given"
        yield Finding("channel", False, f"{name} is private and takes a ticket that names it, and {wrong}.")
    yield from _heard(hub, look, key)


def _heard(hub: Hub, look: Diagnosis, key: str) -> Iterator[Finding]:
    count = hub.listeners(key)
    who = f"{count} listen" if count > 1 else "One listens" if count else "Nobody listens"
    yield Finding("channel", count > 0, f"{who} to {key} at this process, at this moment.")
    if names.is_pattern(key):
        return
    last = look.channel(key)
    if last is not None:
        often = f"{last.within_hour}{' or more' if last.within_hour == 1000 else ''} within the hour"
        yield Finding("channel", True, f"The last message on {key}, {last.event}, came {last.age:,.0f} s ago; {often}.")
        return
    near = difflib.get_close_matches(key, look.recent(), n=3, cutoff=0.6)
    but = f"; of late there were some on {', '.join(near)}: is it one of these?" if near else "."
    yield Finding("channel", False, f"The log has no message on {key}{but}")


def _cursor(hub: Hub, text: str) -> Finding:
    cursor = decode(text)
    if cursor is None:
        return Finding("cursor", False, "This is no cursor of ours: whoever brings it is answered with a reset.")
    if cursor.epoch != hub.epoch:
        return Finding(
            "cursor", False,
            "The cursor is of another database, or of this one before it crashed, was restored or failed over: whoever "
            "brings it is answered with a reset.",
        )  # fmt: skip
    if cursor.snapshot.covers(hub.position):
        return Finding("cursor", True, "The cursor has seen all that there is.")
    behind = hub.position.xmax - cursor.snapshot.xmax
    return Finding("cursor", True, f"The cursor is {max(behind, 1):,} transactions of the database behind.")


def _session(hub: Hub, look: Diagnosis, id_: str) -> Iterator[Finding]:
    state = look.session(id_)
    if state is None:
        yield Finding("session", False, "There is no such session: its client is told to shake hands again.")
        return
    if state.left < 0:
        yield Finding("session", False, f"The session's time was over {-state.left:,.0f} s ago: its client was away.")
        return
    listed = ", ".join(state.subscriptions) or "nothing"
    how = ", confirms answers by number" if state.acks else ""
    moved = ", has been served by several nodes" if state.roaming else ""
    said = f"The session lives for another {state.left:,.0f} s{how}{moved}, and listens to {listed}."
    yield Finding("session", bool(state.subscriptions), said)
    yield _cursor(hub, state.sent or state.cursor)._replace(about="session")
