"""Several cursors that go on as one, at real nodes: what any of them has not seen is told, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from longpoll.listener import Feed
from longpoll.log import Channels
from tests.longpoll.conftest import Browser, Jobs


def test_browsers_that_go_on_together_hear_what_either_has_missed(
    new_feed: Callable[..., Feed], channels: Channels
) -> None:
    one, other = Browser(new_feed(), "a", "b"), Browser(new_feed(), "a", "b")
    for browser in (one, other):
        browser.poll(0)
    channels["a"].publish("first", 1)
    assert one.events() == ["first"]
    channels["b"].publish("second", 2)
    both = Browser(new_feed(), "a", "b")
    both.cursor = f"{one.cursor}|{other.cursor}"
    assert both.events() == ["first", "second"]
    channels["a"].publish("third", 3)
    assert both.events() == ["third"], "what it was given is one cursor again"


def test_a_job_that_they_were_shown_differently_or_not_at_all_is_shown_again(feed: Feed, jobs: Jobs) -> None:
    shared, mine, yours = jobs.push(3)
    one, other = Browser(feed, jobs=(shared, mine)), Browser(feed, jobs=(shared, yours))
    for browser in (one, other):
        assert shown(browser, 2) == {(f"job{shared}", "queued"), (browser.channels.jobs[1][1], "queued")}
    both = Browser(feed, jobs=(shared, mine, yours))
    both.cursor = f"{one.cursor}|{other.cursor}"
    assert shown(both, 2) == {(f"job{mine}", "queued"), (f"job{yours}", "queued")}
    jobs.claim(3)
    assert shown(other, 2) == {(f"job{shared}", "running"), (f"job{yours}", "running")}
    both.cursor = f"{one.cursor}|{other.cursor}"
    assert shown(both, 3) == {(f"job{job}", "running") for job in (shared, mine, yours)}


def shown(browser: Browser, count: int) -> set[tuple[str, str]]:
    """So many states, of which some may come before the others are read."""
    told: list[tuple[str, str]] = []
    while len(told) < count:
        told += [(message.channel, message.event) for message in browser.poll().messages]
    assert len(told) == count
    return set(told)
