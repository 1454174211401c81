"""Tickets: what was signed comes back, and nothing else does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from queueapi import SettingsError, TicketRefused, verify_ticket
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.signing import MINIMUM_SECRET, Signer

SECRET = "s" * MINIMUM_SECRET
SIGNER = Signer(SECRET)

purposes = st.text(string.ascii_lowercase, min_size=1, max_size=16)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)  # 240 bytes at most


@given(purposes, names, st.integers(1, 10**8))
def test_what_was_signed_comes_back(purpose: str, name: str, seconds: int) -> None:
    before = int(time.time())
    ticket = SIGNER.verify(SIGNER.sign(purpose, name, seconds))
    assert (ticket.purpose, ticket.name) == (purpose, name)
    assert before + seconds <= ticket.expires <= time.time() + seconds


@given(names, st.data())
def test_a_ticket_altered_in_any_one_place_is_refused(name: str, data: st.DataObject) -> None:
    ticket = SIGNER.sign("job", name, 3600)
    place = data.draw(st.integers(0, len(ticket) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda character: character != ticket[place]))
    for altered in (
        ticket[:place] + other + ticket[place + 1 :],
        ticket[:place] + ticket[place + 1 :],
        ticket[:place] + other + ticket[place:],
    ):
        assume(altered != ticket)
        with pytest.raises(TicketRefused):
            SIGNER.verify(altered)


def test_every_other_last_letter_of_the_name_is_refused_also_those_that_base64_reads_alike() -> None:
    purpose, name, expires, signature = SIGNER.sign("job", "1", 3600).split(".")
    letters = set(string.ascii_letters + string.digits + "-_") - {name[-1]}
    assert base64.urlsafe_b64decode("MR==") == base64.urlsafe_b64decode("MQ==") == b"1"
    for letter in letters:
        with pytest.raises(TicketRefused):
            SIGNER.verify(f"{purpose}.{name[:-1]}{letter}.{expires}.{signature}")
    with pytest.raises(TicketRefused):
        SIGNER.verify(f"{purpose}.{name}.0{expires}.{signature}")


@given(st.text(string.ascii_lowercase, min_size=2, max_size=17), st.data())
def test_no_two_ways_of_cutting_a_text_into_fields_share_a_signature(text: str, data: st.DataObject) -> None:
    cuts = st.integers(1, min(16, len(text) - 1))
    one, other = data.draw(cuts), data.draw(cuts)
    assume(one != other)
    signed = SIGNER.sign(text[:one], text[one:], 3600)
    _, _, expires, signature = signed.split(".")
    name = base64.urlsafe_b64encode(text[other:].encode()).rstrip(b"=").decode()
    with pytest.raises(TicketRefused, match="signature"):
        SIGNER.verify(f"{text[:other]}.{name}.{expires}.{signature}")


def test_the_signature_is_hmac_sha256_over_typed_length_prefixed_fields() -> None:
    purpose, name, expires, signature = SIGNER.sign("job", "42", 3600).split(".")
    fields = b"s\0\0\0\3job" + b"s\0\0\0\00242" + b"i" + len(expires).to_bytes(4, "big") + expires.encode()
    digest = hmac.new(SECRET.encode(), b"queueapi ticket 1" + fields, hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == digest
    assert base64.urlsafe_b64decode(name + "==") == b"42"
    assert purpose == "job"


def test_a_ticket_stands_in_a_url_as_it_is() -> None:
    ticket = SIGNER.sign("channel", "Nachrichten/ü ?&#", 3600)
    assert set(ticket) <= set(string.ascii_letters + string.digits + "-_.")


def test_an_expired_ticket_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(TicketRefused, match=r"expired: load the page again"):
        SIGNER.verify(SIGNER.sign("job", "1", -2))


def test_an_expired_forgery_is_called_a_forgery() -> None:
    with pytest.raises(TicketRefused, match="signature"):
        Signer("x" * 32).verify(SIGNER.sign("job", "1", -2))


def test_the_previous_secret_still_verifies_and_the_first_signs() -> None:
    old, new = Signer("o" * 32), Signer("n" * 32, "o" * 32)
    assert new.verify(old.sign("job", "1", 60)).name == "1"
    assert new.verify(new.sign("job", "2", 60)).name == "2"
    with pytest.raises(TicketRefused):
        old.verify(new.sign("job", "2", 60))


def test_another_secret_verifies_nothing() -> None:
    with pytest.raises(TicketRefused, match="another QUEUEAPI_SECRET"):
        Signer(secrets.token_urlsafe(32)).verify(SIGNER.sign("job", "1", 60))


@pytest.mark.parametrize("given", [(), ("short",), ("s" * 31,), (SECRET, "short"), ("ü" * 15,)])
def test_no_secret_or_a_short_one_is_refused_with_the_command_that_makes_a_good_one(given: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match=r"token_urlsafe\(32\)"):
        Signer(*given)


def test_a_secret_is_measured_in_bytes() -> None:
    assert Signer("ü" * 16).sign("job", "1", 1)


@pytest.mark.parametrize(
    "text", ["", "job", "job.MQ.1", "a.b.c.d", "job.MQ.1." + "A" * 42, "x" * 100_000, "job.MQ.1.é"]
)
def test_what_is_no_ticket_is_called_that(text: str) -> None:
    with pytest.raises(TicketRefused, match="not a ticket"):
        SIGNER.verify(text)


@pytest.mark.parametrize(
    ("purpose", "name", "seconds"),
    [("job", "", 60), ("job", "x" * 256, 60), ("Job", "1", 60), ("job", "1", float("nan")), ("job", "1", float("inf"))],
)
def test_a_ticket_that_could_never_be_verified_is_not_signed(purpose: str, name: str, seconds: float) -> None:
    with pytest.raises(SettingsError):
        SIGNER.sign(purpose, name, seconds)


def test_a_ticket_for_something_else_is_no_ticket_for_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(Settings(secrets=(SECRET,)))
    monkeypatch.setattr("queueapi.runtime.default", lambda: runtime)
    assert verify_ticket(SIGNER.sign("job", "12", 60)).id == 12
    with pytest.raises(TicketRefused, match="for a channel, not for a job"):
        verify_ticket(SIGNER.sign("channel", "12", 60))
