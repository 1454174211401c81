"""The Rails 4 queue's own tests, in our words: several backends behind the names of one queue."""

from __future__ import annotations

from typing import Any

import pytest

from queueapi import Job, NotAJob, NotOffered, NotSerializable, Queue, SettingsError, State, SynchronousQueue, TestQueue


class Plain(Job, kind="tests.rails_container.plain"):
    n: int = 0

    def run(self) -> int:
        return self.n


class Mail(Job, kind="tests.rails_container.mail", queue="mail"):
    to: str = "a@b"

    def run(self) -> None: ...


class Mailbox:
    """Somebody's own queue: it has push, and nothing else."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def push(self, job: Any) -> None:
        self.got.append(job)


def test_a_push_without_a_name_is_one_to_the_default_queue() -> None:
    queue = TestQueue()
    queue.push(Plain(1))
    queue["default"].push(Plain(2))
    assert queue["default"].jobs == queue.jobs == [Plain(1), Plain(2)]


def test_every_name_is_a_queue_and_none_has_to_be_declared() -> None:
    queue = TestQueue()
    queue["never heard of"[6:11]].push(Plain())
    assert len(queue) == 1


def test_another_queue_stands_behind_a_name_however_the_name_comes_about() -> None:
    queue, mail = TestQueue(), TestQueue()
    before = queue["mail"]
    queue["mail"] = mail
    queue["mail"].push(Plain(1))
    before.push(Plain(2))
    queue.push(Plain(3), queue="mail")
    queue.push(Mail("by its class"))
    queue["other"].push(Plain(5))
    assert mail.jobs == mail["mail"].jobs == queue["mail"].jobs == [Plain(1), Plain(2), Plain(3), Mail("by its class")]
    assert queue.jobs == [Plain(5)]
    assert queue["mail"].drain() == 4


def test_the_explicit_name_still_wins_over_the_bound_one() -> None:
    queue, mail = TestQueue(), TestQueue()
    queue["mail"] = mail
    queue["mail"].push(Plain(), queue="other")
    assert (len(queue), len(mail)) == (1, 0)


def test_it_holds_for_that_queue_only() -> None:
    queue, other = TestQueue(), TestQueue()
    queue["mail"] = SynchronousQueue()
    assert queue["mail"].push(Plain(7)).result() == 7
    assert other["mail"].push(Plain(7)).state() is State.AVAILABLE
    assert Queue(queue.backend)["mail"].push(Plain()).state() is State.AVAILABLE


def test_it_can_be_another_name_of_another_queue_and_be_undone() -> None:
    queue, letters = TestQueue(), TestQueue()
    queue["mail"] = letters["post"]
    handle = queue["mail"].push(Plain())
    assert (len(letters["post"]), len(queue["mail"]), len(letters["mail"])) == (1, 1, 0)
    assert handle.cancel()
    del queue["mail"]
    queue["mail"].push(Plain())
    assert (len(letters), len(queue)) == (0, 1)
    del queue["never set"]


def test_many_jobs_are_all_or_none_so_they_may_not_be_of_two_backends() -> None:
    queue, mail = TestQueue(), TestQueue()
    queue["mail"] = mail
    with pytest.raises(SettingsError, match="push them apart"):
        queue.push_all([Plain(), Mail()])
    assert (len(queue), len(mail)) == (0, 0)
    queue.push_all([Mail(), Mail()])
    queue.push_all([Plain()])
    assert queue.push_all([]) == []
    assert (len(queue), len(mail)) == (1, 2)


def test_jobs_on_postgresql_and_in_this_process_mix_by_name(queue: Queue) -> None:
    queue["now"] = SynchronousQueue()
    assert queue["now"].push(Plain(7)).result() == 7
    assert queue["later"].push(Plain(7)).state() is State.AVAILABLE
    assert (len(queue["now"]), len(queue["later"]), len(queue)) == (0, 1, 1)


@pytest.mark.parametrize("name", ["old mail", "", 3, None])
def test_a_name_that_cannot_be_one_is_refused(name: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of a queue"):
        TestQueue()[name] = TestQueue()


def test_what_is_no_queue_is_refused_at_the_assignment() -> None:
    queue = TestQueue()
    with pytest.raises(SettingsError, match="'mailbox' is no queue"):
        queue["mail"] = "mailbox"  # type: ignore[assignment]
    assert queue["mail"].push(Plain()).state() is State.AVAILABLE


def test_a_bound_copy_is_no_container() -> None:
    queue = TestQueue()
    with pytest.raises(SettingsError, match=r"on the queue itself,  queue\['b'\] = …"):
        queue["a"]["b"] = TestQueue()


# -- somebody's own queue, with push alone


def test_a_queue_of_ones_own_needs_only_push_and_gets_what_a_worker_would_get() -> None:
    queue, mailbox = TestQueue(), Mailbox()
    queue["mail"] = mailbox
    job = Mail("a@b")
    queue.push(job)
    queue["mail"] << Plain(3)
    assert mailbox.got == [job, Plain(3)]
    assert mailbox.got[0] is not job


def test_what_cannot_be_written_down_does_not_get_there() -> None:
    queue, mailbox = TestQueue(), Mailbox()
    queue["mail"] = mailbox
    with pytest.raises(NotSerializable):
        queue["mail"].push(Mail("\0"))
    with pytest.raises(NotAJob):
        queue["mail"].push("no job")
    assert mailbox.got == []


@pytest.mark.parametrize("options", [{"delay": 5}, {"conn": object()}], ids=["delay", "conn"])
def test_what_it_cannot_keep_is_refused_and_not_dropped(options: dict[str, Any]) -> None:
    queue, mailbox = TestQueue(), Mailbox()
    queue["mail"] = mailbox
    with pytest.raises(NotOffered, match="push without options"):
        queue["mail"].push(Plain(), **options)
    assert mailbox.got == []


def test_all_else_is_asked_of_it_itself() -> None:
    queue = TestQueue()
    queue["mail"] = Mailbox()
    handle = queue["mail"].push(Plain())
    mail = queue["mail"]
    for ask in (handle.state, handle.cancel, handle.ticket, lambda: handle.wait(0), mail.size, lambda: mail.jobs,
                mail.clear, mail.pop, mail.drain, mail.start):  # fmt: skip
        with pytest.raises(NotOffered, match="Mailbox"):
            ask()
