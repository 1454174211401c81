"""What Pusher's names say, and that none of them reaches what is not for clients."""

from __future__ import annotations

import pytest

from longpoll.dialects import pusher_names as names
from longpoll.errors import BadChannel, BadRequest


@pytest.mark.parametrize("name", ["news", "a.b", "private-x", "presence-@=,.;", "private-job-7", "jobs.7", "x" * 200])
def test_a_name_is_the_name_in_the_log(name: str) -> None:
    assert names.checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "x" * 201, "a b", "/a", "a/b", "a:b", "longpoll:x", "a*", "#x", "#server-to-user-7", "ü", "a\n", "a\0", None,
     7, "job.x", "channel.x"],
)  # fmt: skip
def test_no_other_name_is_taken(name: object) -> None:
    with pytest.raises(BadChannel):
        names.checked_name(name)


def test_a_users_connections_have_a_channel_in_the_log_that_no_client_can_name() -> None:
    assert names.checked_target("#server-to-user-7") == names.user_channel("7") == "longpoll:user:7"
    assert len(names.checked_target("#server-to-user-" + "x" * 180)) <= 200
    for name in ("#server-to-user-", "#server-to-user-" + "x" * 181, "#server-to-user-a\nb"):
        with pytest.raises(BadChannel):
            names.checked_target(name)


def test_nobody_publishes_a_jobs_state() -> None:
    with pytest.raises(BadChannel, match="job"):
        names.checked_target("private-job-7")


@pytest.mark.parametrize(
    ("name", "signed", "presence", "encrypted", "cache", "client_events"),
    [
        ("news", False, False, False, False, False),
        ("private-a", True, False, False, False, True),
        ("presence-a", True, True, False, False, True),
        ("private-encrypted-a", True, False, True, False, False),
        ("cache-a", False, False, False, True, False),
        ("private-cache-a", True, False, False, True, True),
        ("presence-cache-a", True, True, False, True, True),
        ("private-encrypted-cache-a", True, False, True, True, False),
        ("private-job-7", True, False, False, False, False),
        ("private-batch-7", True, False, False, False, False),
        ("jobs.7", True, False, False, False, False),
        ("xcache-a", False, False, False, False, False),
    ],
)
def test_what_a_name_says(
    name: str, signed: bool, presence: bool, encrypted: bool, cache: bool, client_events: bool
) -> None:
    assert names.is_signed(name) == signed
    assert names.is_presence(name) == presence
    assert names.is_encrypted(name) == encrypted
    assert names.is_cache(name) == cache
    assert names.takes_client_events(name) == client_events


def test_the_protocols_own_events_cannot_be_published() -> None:
    assert names.checked_event("client-x") == "client-x"
    for event in ("", "x" * 201, "pusher:error", "pusher_internal:member_added", "a\0", None):
        with pytest.raises(BadRequest):
            names.checked_event(event)


def test_socket_ids_are_two_numbers() -> None:
    assert names.checked_socket_id("1.2") == "1.2"
    for text in ("1", "1.", ".2", "1.2.3", "a.b", "1.2\n", "٧.1", "1" * 21 + ".1", None):
        with pytest.raises(BadRequest):
            names.checked_socket_id(text)
