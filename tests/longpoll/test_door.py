"""Who may listen to what and publish where: names, tickets, the application's word, and what is said to be private."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from longpoll.door import Authorize, Door, Visitor
from longpoll.errors import BadChannel, BadTicket, Forbidden
from longpoll.names import Channels
from queueapi.signing import Signer

SIGNER = Signer("s" * 32)
REQUEST = object()
VISITOR = Visitor("bayeux", "192.0.2.1", REQUEST)
JOB = SIGNER.sign("job", "7", 3600)
BATCH = SIGNER.sign("batch", "7", 3600)


def door(authorize: Authorize | None = None, **more: Any) -> Door:
    return Door(SIGNER, authorize, **more)


def ticket(name: str, seconds: float = 3600) -> str:
    return SIGNER.sign("channel", name, seconds)


class Application:
    """What the application says of channels, and what it was asked."""

    def __init__(self, **verdicts: bool) -> None:
        self.verdicts = verdicts
        self.asked: list[tuple[object, str, str]] = []

    def __call__(self, request: object, channel: str, action: str) -> bool | None:
        self.asked.append((request, channel, action))
        return self.verdicts.get(channel.replace(".", "_").replace("-", "_"))


# -- listening


def test_a_visitor_listens_by_name_by_path_and_by_ticket_in_every_dialect_alike() -> None:
    at = door()
    for name in ("messages.new", "/messages/new"):
        assert at.subscribe(VISITOR, name) == "messages.new"
        assert at.listen(VISITOR, [name]).logs == (("messages.new", name),)
    assert at.subscribe(VISITOR, "/messages/**") == "messages.**"
    assert at.subscribe(VISITOR, "/private-a/b", ticket("private-a.b")) == "private-a.b"
    assert at.listen(VISITOR, [JOB, BATCH, "a"]) == Channels(((7, JOB), (-7, BATCH)), (("a", "a"),))


@pytest.mark.parametrize("name", ["/jobs/7", "jobs.7", "private-job-7"])
def test_a_job_s_state_goes_by_name_with_a_ticket_for_that_very_job(name: str) -> None:
    assert door().subscribe(VISITOR, name, JOB) == 7
    for wrong in (None, SIGNER.sign("job", "8", 3600), BATCH, ticket("news"), JOB[:-1], SIGNER.sign("job", "7", -1)):
        with pytest.raises(BadTicket):
            door().subscribe(VISITOR, name, wrong)


def test_a_ticket_opens_what_it_names_and_nothing_beside_it() -> None:
    for name, other in (
        ("/private-user/1", "private-user.12"),
        ("/private-user/12", "private-user.1"),
        ("/private-user/*", "private-user.1"),
        ("/private-user/1", "private-user.*"),
        ("/private-user/1-2", "private-user.1.2"),
    ):
        with pytest.raises(BadTicket, match="something else"):
            door().subscribe(VISITOR, name, ticket(other))


def test_the_application_s_word_comes_first() -> None:
    application = Application(private_a=True, news=False, jobs_7=True, jobs_8=False)
    at = door(application)
    assert at.asks
    assert at.subscribe(VISITOR, "private-a") == "private-a"
    assert at.subscribe(VISITOR, "/jobs/7") == 7
    for refused, given in (("news", None), ("/jobs/8", SIGNER.sign("job", "8", 3600))):
        with pytest.raises(Forbidden, match="whom the application lets"):
            at.subscribe(VISITOR, refused, given)
    with pytest.raises(Forbidden):
        at.subscribe(VISITOR, "news", vouched=True)
    with pytest.raises(BadTicket):
        at.subscribe(VISITOR, "private-b")
    assert application.asked[:2] == [(REQUEST, "private-a", "subscribe"), (REQUEST, "jobs.7", "subscribe")]
    with pytest.raises(Forbidden) as several:
        at.listen(VISITOR, ["a", "news", JOB])
    assert several.value.channels == ["news"]


def test_a_batch_and_a_pattern_have_names_for_the_application() -> None:
    application = Application()
    at = door(application)
    at.listen(VISITOR, [BATCH, "/a/*", "/**"])
    assert [channel for _, channel, _ in application.asked] == ["batches.7", "a.*", "**"]


def test_what_is_vouched_for_takes_no_ticket() -> None:
    assert door().subscribe(VISITOR, "private-a", vouched=True) == "private-a"
    assert door().subscribe(VISITOR, "/jobs/7", vouched=True) == 7


@pytest.mark.parametrize(
    "name", ["longpoll:user:7", "/longpoll:x/y", "job.x", "a b", "", "/a//b", "/a/", "/a/*/b", "*"]
)
def test_what_no_client_may_name_is_refused(name: str) -> None:
    for vouched in (False, True):
        with pytest.raises(BadChannel):
            door().subscribe(VISITOR, name, vouched=vouched)
        with pytest.raises(BadChannel):
            door().publish(VISITOR, name, vouched=vouched)


# -- what is private


PRIVATE = ("/messages/**", "secret", "/team/*")


@pytest.mark.parametrize(
    "name",
    [
        "messages.a", "/messages/a", "/messages/a/b", "secret", "/secret", "/team/a",
        "/messages/*", "/messages/**", "/messages/a/**", "/messages/a/*", "/team/*", "/team/**", "/**", "/*",
        "private-x", "presence-x",
    ],
)  # fmt: skip
def test_what_is_said_to_be_private_takes_a_ticket_and_so_does_every_pattern_that_would_bring_it(name: str) -> None:
    at = door(private=PRIVATE)
    for ask in (lambda: at.subscribe(VISITOR, name), lambda: at.listen(VISITOR, [name])):
        with pytest.raises(BadTicket, match="takes a ticket"):
            ask()
    assert at.subscribe(VISITOR, name, vouched=True)
    assert door(lambda *_: True, private=PRIVATE).subscribe(VISITOR, name)


@pytest.mark.parametrize(
    "name", ["messages", "/message/a", "/secrets", "/secret/a", "/team/a/b", "/team/a/*", "/team/a/**", "/other/**"]
)
def test_and_nothing_else_does(name: str) -> None:
    at = door(private=PRIVATE)
    assert at.subscribe(VISITOR, name)
    assert at.listen(VISITOR, [name])


def test_a_ticket_opens_it() -> None:
    at = door(private=["/**"])
    assert at.subscribe(VISITOR, "/messages/new", ticket("messages.new")) == "messages.new"
    assert at.listen(VISITOR, [ticket("messages.new")]).logs[0][0] == "messages.new"
    assert at.subscribe(VISITOR, "/messages/*", ticket("messages.*")) == "messages.*"
    with pytest.raises(BadTicket):
        at.subscribe(VISITOR, "/messages/**", ticket("messages.*"))


# -- publishing


def publishes(at: Door, names: Iterable[str]) -> list[str]:
    there = []
    for name in names:
        try:
            there.append(at.publish(VISITOR, name))
        except Forbidden as refused:
            there += [] if refused.channels == [name] else [f"{name} is not named"]
    return there


def test_clients_publish_only_where_they_are_let() -> None:
    names = ["/chat/1", "/chat/1/2", "chat.2", "news", "/private-chat/1"]
    assert publishes(door(), names) == []
    assert publishes(door(publish=["/chat/*", "news"]), names) == ["chat.1", "chat.2", "news"]
    assert publishes(door(publish=["/**"]), names) == ["chat.1", "chat.1.2", "chat.2", "news"]
    assert publishes(door(Application(chat_1=True, news=False), publish=["/**"]), names) == [
        "chat.1",
        "chat.1.2",
        "chat.2",
    ]
    assert door().publish(VISITOR, "/news", vouched=True) == "news"
    with pytest.raises(Forbidden):
        door(Application(news=False)).publish(VISITOR, "news", vouched=True)


@pytest.mark.parametrize("name", ["/jobs/7", "private-job-7", "batches.7"])
def test_nobody_publishes_a_job_s_state(name: str) -> None:
    with pytest.raises(BadChannel, match="a job's state"):
        door(publish=["/**"]).publish(VISITOR, name)


def test_what_is_no_pattern_is_refused_when_the_door_is_made() -> None:
    for wrong in ("a b", "/a/*/b", "a.*", ""):
        with pytest.raises(BadChannel):
            door(publish=[wrong])
        with pytest.raises(BadChannel):
            door(private=[wrong])


def test_what_was_let_in_is_let_in_again_and_what_was_refused_is_refused_again() -> None:
    at = door(private=["/rooms/**"])
    for _ in range(3):
        assert at.listen(VISITOR, ["a", "/b/c"]).logs == (("a", "a"), ("b.c", "/b/c"))
        with pytest.raises(BadTicket):
            at.listen(VISITOR, ["a", "rooms.1"])


def test_the_application_is_asked_each_time() -> None:
    application = Application(a=True)
    at = door(application)
    assert at.listen(VISITOR, ["a"]).logs == at.listen(VISITOR, ["a"]).logs == (("a", "a"),)
    application.verdicts["a"] = False
    with pytest.raises(Forbidden):
        at.listen(VISITOR, ["a"])
    assert len(application.asked) == 3
