"""Assertions that say what was pushed instead."""

from __future__ import annotations

import pytest

import queueapi
from queueapi import Job, TestQueue
from queueapi.testing import assert_not_pushed, assert_pushed


class Mail(Job, kind="tests.testing.mail", queue="mail"):
    to: str
    subject: str = "Hello"

    def run(self) -> None: ...


class Report(Job, kind="tests.testing.report"):
    month: int

    def run(self) -> None: ...


@queueapi.job(kind="tests.testing.tidy")
def tidy(days: int) -> None: ...


@pytest.fixture
def queue() -> TestQueue:
    queue = TestQueue()
    for job in (Report(3), Mail("ada"), Mail("grace"), tidy.job(9)):
        queue.push(job)
    return queue


def test_what_was_pushed_is_given_back(queue: TestQueue) -> None:
    assert assert_pushed(queue, Mail) == Mail("ada")
    assert assert_pushed(queue, Mail, to="grace", times=1).subject == "Hello"
    assert assert_pushed(queue["mail"], Mail, times=2) == Mail("ada")
    assert assert_pushed(queue, tidy, days=9).days == 9
    assert assert_pushed(queue, Report, month=4, times=0) is None


def test_what_was_not_is_told_with_what_was_instead_the_nearest_first(queue: TestQueue) -> None:
    with pytest.raises(AssertionError) as failed:
        assert_pushed(queue, Mail, to="alan")
    assert str(failed.value).splitlines() == [
        "no Mail(to='alan') was pushed to <Queue default>. 4 waiting:",
        "  Mail(to='ada', subject='Hello')   <- differs in to",
        "  Mail(to='grace', subject='Hello')   <- differs in to",
        "  Report(month=3)",
        "  tidy(days=9)",
    ]


def test_a_number_that_is_another_is_told(queue: TestQueue) -> None:
    with pytest.raises(AssertionError, match=r"Mail\(\) was 2 times pushed to <Queue default>, and not 3 times"):
        assert_pushed(queue, Mail, times=3)


def test_an_empty_queue_is_told_as_such() -> None:
    with pytest.raises(AssertionError, match=r"no Mail\(\) was pushed to <Queue default>. Nothing waits there"):
        assert_pushed(TestQueue(), Mail)


def test_what_should_not_have_been_pushed_is_told(queue: TestQueue) -> None:
    assert_not_pushed(queue, Mail, to="alan")
    assert_not_pushed(queue["empty"])
    with pytest.raises(AssertionError, match=r"Mail\(to='ada'\) was pushed"):
        assert_not_pushed(queue, Mail, to="ada")
    with pytest.raises(AssertionError, match=r"something was pushed to <Queue default>. 4 waiting"):
        assert_not_pushed(queue)


def test_hundreds_are_not_all_told() -> None:
    queue = TestQueue()
    queue.push_all([Report(n) for n in range(300)])
    with pytest.raises(AssertionError, match=r"  and 280 more$"):
        assert_pushed(queue, Mail)


def test_an_object_in_place_of_its_class_is_refused(queue: TestQueue) -> None:
    with pytest.raises(TypeError, match="is no job class"):
        assert_pushed(queue, Mail("ada"))
