"""Who may listen to what: public names, private ones with a ticket, and jobs by their ticket alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.errors import BadChannel, BadTicket
from longpoll.names import Channels, checked_channel, is_private, resolve
from queueapi.signing import Signer

SIGNER = Signer("s" * 32)
OTHER = Signer("o" * 32)
JOB = SIGNER.sign("job", "17", 3600)
NEWS = SIGNER.sign("channel", "private-news", 3600)


def test_a_job_goes_by_its_ticket_and_a_reply_repeats_the_ticket() -> None:
    assert resolve([JOB], SIGNER) == Channels(jobs=((17, JOB),), logs=())


def test_a_public_channel_goes_by_its_name() -> None:
    assert resolve(["news", "/chat/1"], SIGNER) == Channels(jobs=(), logs=(("news", "news"), ("chat.1", "/chat/1")))


@pytest.mark.parametrize("name", ["private-news", "presence-room", "private-"])
def test_a_private_channel_takes_a_ticket(name: str) -> None:
    assert is_private(name)
    with pytest.raises(BadTicket, match="takes a ticket") as refused:
        resolve([name], SIGNER)
    assert refused.value.channels == [name]


def test_a_ticket_opens_the_private_channel_that_it_names() -> None:
    assert resolve([NEWS], SIGNER).logs == (("private-news", NEWS),)


@pytest.mark.parametrize("name", ["news", "Private-news", "privatenews", "presence"])
def test_other_names_are_public(name: str) -> None:
    assert not is_private(name)
    assert resolve([name], SIGNER).logs == ((name, name),)


@pytest.mark.parametrize("ticket", [JOB, NEWS], ids=["job", "channel"])
def test_no_beginning_of_a_ticket_is_taken_for_a_channel(ticket: str) -> None:
    shortest = ticket.index(".") + 1
    for length in range(shortest, len(ticket)):
        with pytest.raises(BadTicket):
            resolve([ticket[:length]], SIGNER)


@pytest.mark.parametrize(
    ("ticket", "reason"),
    [
        (SIGNER.sign("job", "17", -1), "expired"),
        (OTHER.sign("job", "17", 3600), "signature"),
        (JOB.replace("job.", "channel."), "signature"),
        (NEWS.replace("channel.", "job."), "signature"),
        (JOB[:-1], "another form"),
        (JOB + "\n", "another form"),
        (SIGNER.sign("job", "seventeen", 3600), "no job can have that id"),
        (SIGNER.sign("job", "-1", 3600), "no job can have that id"),
        (SIGNER.sign("job", "\u0661", 3600), "no job can have that id"),
        (SIGNER.sign("job", str(2**63), 3600), "no job can have that id"),
    ],
    ids=["expired", "other secret", "job as channel", "channel as job", "cut", "line end", "word", "negative",
         "arabic digit", "beyond bigint"],
)  # fmt: skip
def test_a_ticket_that_is_not_good_opens_nothing(ticket: str, reason: str) -> None:
    with pytest.raises(BadTicket, match=reason) as refused:
        resolve([ticket], SIGNER)
    assert refused.value.channels == [ticket]
    assert refused.value.status == 403


def test_a_ticket_for_something_else_is_no_ticket_here() -> None:
    download = SIGNER.sign("download", "17", 3600)
    assert resolve([download], SIGNER) == Channels((), ((download, download),)), "a silent public channel, no job"


def test_the_largest_id_is_a_job() -> None:
    ticket = SIGNER.sign("job", str(2**63 - 1), 3600)
    assert resolve([ticket], SIGNER).jobs == ((2**63 - 1, ticket),)


@pytest.mark.parametrize(
    "name", ["", "a b", "a\n", "ü", "<x>", "x" * 201, "job.", "channel.x", "a\0", "\ud800", None, 7, b"news"]
)
def test_what_cannot_be_a_channel_is_refused_in_one_short_sentence(name: object) -> None:
    with pytest.raises(BadChannel, match="cannot be the name of a channel") as refused:
        checked_channel(name)
    sentence = str(refused.value)
    assert sentence.isprintable()
    assert len(sentence) < 300
    assert refused.value.channels == ([name] if isinstance(name, str) else [])


def test_a_ticket_for_a_channel_that_cannot_be_is_refused() -> None:
    with pytest.raises(BadChannel):
        resolve([SIGNER.sign("channel", "a b", 3600)], SIGNER)


def test_a_refusal_names_all_that_are_refused_for_the_same_kind_of_reason() -> None:
    bad = ["private-a", JOB[:-1], "private-b"]
    with pytest.raises(BadTicket) as refused:
        resolve(["news", bad[0], "a b", JOB, bad[1], bad[2], "c d"], SIGNER)
    assert refused.value.channels == bad
    with pytest.raises(BadChannel) as refused_names:
        resolve(["a b", "private-a", "c d"], SIGNER)
    assert refused_names.value.channels == ["a b", "c d"]


def test_what_is_asked_for_twice_is_answered_once() -> None:
    assert resolve(["news", JOB, "news", JOB], SIGNER) == Channels(((17, JOB),), (("news", "news"),))


def test_two_tickets_for_one_thing_are_both_answered() -> None:
    again = SIGNER.sign("job", "17", 5400)
    open_ = SIGNER.sign("channel", "news", 3600)
    assert resolve([JOB, again, "news", open_], SIGNER) == Channels(
        ((17, JOB), (17, again)), (("news", "news"), ("news", open_))
    )


@given(st.text(max_size=60))
def test_any_text_is_a_channel_or_refused(text: str) -> None:
    logs, refused = (), []
    try:
        logs = resolve([text], SIGNER).logs
    except (BadChannel, BadTicket) as error:
        refused = error.channels
    assert refused == [text] or logs == ((text, text),)
    assert refused or not text.startswith(("private-", "presence-", "job.", "channel."))
