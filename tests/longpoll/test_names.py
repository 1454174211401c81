"""Who may listen to what: public names, private ones with a ticket, and jobs by their ticket alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.errors import BadChannel, BadTicket
from longpoll.names import (
    Channels,
    checked_channel,
    checked_pattern,
    is_pattern,
    is_private,
    keys,
    meets,
    opened,
    path_of,
    resolve,
    state_of,
)
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
    logs: tuple[tuple[str, str], ...] = ()
    refused: object = []
    try:
        logs = resolve([text], SIGNER).logs
    except (BadChannel, BadTicket) as error:
        refused = error.channels
    assert refused == [text] or logs == ((text, text),)
    assert refused or not text.startswith(("private-", "presence-", "job.", "channel."))


# -- one name in all dialects

SEGMENT = st.text("abZ09-_!~()$@", min_size=1, max_size=12)
PATHS = st.lists(SEGMENT, min_size=1, max_size=6).map(lambda parts: "/" + "/".join(parts))
FLAT = st.text("ab09-_=@,.;:!~()$", min_size=1, max_size=30)


def is_channel(name: str) -> bool:
    try:
        checked_channel(name)
    except BadChannel:
        return False
    return True


@given(PATHS)
def test_a_path_is_one_channel_whose_path_is_that_path(path: str) -> None:
    if is_channel(path):
        assert path_of(checked_channel(path)) == path
    else:
        assert state_of(path[1:].replace("/", ".")) is not None


@given(FLAT)
def test_a_flat_name_is_its_own_and_has_one_path_or_none(name: str) -> None:
    if not is_channel(name):
        return
    assert checked_channel(name) == name
    path = path_of(name)
    assert path is None or checked_channel(path) == name


@given(PATHS, PATHS)
def test_two_paths_are_never_one_channel(one: str, other: str) -> None:
    if one != other and is_channel(one) and is_channel(other):
        assert checked_channel(one) != checked_channel(other)


def test_a_path_and_its_flat_name_are_one_channel() -> None:
    assert checked_channel("/messages/new") == checked_channel("messages.new") == "messages.new"
    assert path_of("messages.new") == "/messages/new"
    assert path_of("x" * 200) == "/" + "x" * 200
    assert [path_of(name) for name in ("a..b", "a,b", "a;b", ".", "a=b")] == [None] * 5


@pytest.mark.parametrize(
    "path", ["/a.b", "/", "//", "/a/", "/a//b", "/a/*", "/**", "/a\n", "/" + "x" * 201, "/ü", "/a=b"]
)
def test_what_is_no_path_is_no_channel(path: str) -> None:
    assert not is_channel(path)


@pytest.mark.parametrize("path", ["/job/x", "/channel/general", "/batch/1"])
def test_a_path_that_reads_like_a_ticket_s_beginning_is_a_channel_and_a_ticket_opens_it(path: str) -> None:
    name = checked_channel(path)
    assert opened(SIGNER.sign("channel", name, 60), SIGNER) == name
    assert resolve([path], SIGNER).logs == ((name, path),)


@pytest.mark.parametrize(
    "name", ["longpoll:x", "longpoll:", "jobs.7", "/jobs/7", "private-job-7", "batches.7", "jobs.0"]
)
def test_what_belongs_to_jobs_and_to_the_servers_is_no_channel_of_messages(name: str) -> None:
    assert not is_channel(name)


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("jobs.7", 7),
        ("private-job-7", 7),
        ("batches.7", -7),
        ("private-batch-7", -7),
        (f"jobs.{2**63 - 1}", 2**63 - 1),
        (f"jobs.{2**63}", None),
        ("jobs.", None),
        ("jobs.x", None),
        ("jobs.7.x", None),
        ("jobs.-7", None),
        ("jobs.\u0661", None),
        ("private-jobs-7", None),
        ("news", None),
    ],
)
def test_the_names_of_states(name: str, thing: int | None) -> None:
    assert state_of(name) == thing


# -- patterns


def test_what_brings_a_channel() -> None:
    assert set(keys("a.b.c")) == {"a.b.c", "a.b.*", "a.b.**", "a.**", "**"}
    assert set(keys("a")) == {"a", "*", "**"}
    assert checked_pattern("/a/b/*") == "a.b.*"
    assert checked_pattern("/**") == "**"
    assert checked_pattern("/a/b") == "a.b"


@pytest.mark.parametrize("name", ["private-a", "private-a.b.c", "presence-a", "presence-a.b", "longpoll:user:7"])
def test_nothing_private_comes_by_a_pattern_that_does_not_say_so(name: str) -> None:
    for key in set(keys(name)) - {name}:
        assert is_pattern(key)
        assert key.startswith(name.split(".")[0] + ".")
        assert is_private(key)
    assert not {"*", "**"} & set(keys(name))


def test_a_pattern_of_private_channels_takes_a_ticket_for_it() -> None:
    with pytest.raises(BadTicket, match="takes a ticket"):
        resolve(["/private-a/**"], SIGNER)
    ticket = SIGNER.sign("channel", "private-a.**", 60)
    assert resolve([ticket], SIGNER).logs == (("private-a.**", ticket),)
    assert "private-a.**" in keys("private-a.b.c")


PARTS = st.lists(st.sampled_from(["a", "b"]), max_size=3)
PATTERNS = st.builds(lambda above, last: "/" + "/".join([*above, last]), PARTS, st.sampled_from(["*", "**"]))
NAMES = st.lists(st.sampled_from(["a", "b", "private-a"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def matches(pattern: str, path: str) -> bool:
    """As the Bayeux specification has it, for what is not private."""
    *above, last = pattern[1:].split("/")
    segments = path[1:].split("/")
    deep = len(segments) > len(above) if last == "**" else len(segments) == len(above) + 1
    return deep and segments[: len(above)] == above


@given(PATTERNS, NAMES)
def test_a_pattern_brings_what_bayeux_says_it_does(pattern: str, path: str) -> None:
    channel = checked_channel(path)
    brings = checked_pattern(pattern) in keys(channel)
    assert brings == (matches(pattern, path) and not is_private(channel))


@given(st.one_of(PATTERNS, NAMES), st.one_of(PATTERNS, NAMES), st.lists(NAMES, max_size=30))
def test_two_patterns_meet_if_some_channel_comes_by_both(one: str, other: str, paths: list[str]) -> None:
    first, second = checked_pattern(one), checked_pattern(other)
    found = [path for path in paths if first in keys(checked_channel(path)) and second in keys(checked_channel(path))]
    assert meets(first, second) == meets(second, first)
    assert meets(first, second) or not found


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("**", "a.b.*", True),
        ("a.**", "a.b.*", True),
        ("a.*", "a.**", True),
        ("a.*", "a.*", True),
        ("a.b", "a.*", True),
        ("a.b", "**", True),
        ("*", "**", True),
        ("a.b.c", "a.*", False),
        ("a.*", "a.b.**", False),
        ("a.*", "a.b.*", False),
        ("*", "a.**", False),
        ("a.**", "b.**", False),
        ("a.**", "ab.**", False),
        ("a", "a.**", False),
    ],
)
def test_where_patterns_meet(one: str, other: str, meet: bool) -> None:
    assert meets(one, other) is meet
