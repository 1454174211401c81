"""What one client, channel and address may have: counted exactly, and given back."""

from __future__ import annotations

import pytest

from longpoll import meter as module
from longpoll.door import Visitor
from longpoll.errors import TooMuch
from longpoll.meter import Limits, Meter

ANN = Visitor("bayeux", "10.0.0.1", None, "ann")
BEN = Visitor("bayeux", "10.0.0.1", None, "ben")
FAR = Visitor("bayeux", "10.0.0.2", None, "far")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def published(meter: Meter, visitor: Visitor, channel: str = "news", size: int = 1, tries: int = 1000) -> int:
    """How many it may publish at once."""
    for number in range(tries):
        try:
            meter.publish(visitor, channel, size)
        except TooMuch:
            return number
    return tries


def test_an_address_holds_so_many_connections_and_gives_them_back() -> None:
    meter = Meter(Limits(connections=2))
    meter.enter(ANN)
    meter.enter(BEN)
    with pytest.raises(TooMuch, match=r"10\.0\.0\.1 holds 2 connections") as refused:
        meter.enter(ANN)
    assert refused.value.status == 429
    meter.enter(FAR)
    meter.leave(ANN.address)
    meter.enter(ANN)


def test_an_address_that_holds_nothing_takes_no_memory() -> None:
    meter = Meter()
    meter.enter(ANN)
    meter.leave(ANN.address)
    meter.leave(ANN.address)
    assert meter._connections == {}


def test_an_address_that_nobody_knows_is_not_counted() -> None:
    meter = Meter(Limits(connections=1))
    behind = Visitor("native", "", None)
    for _ in range(10):
        meter.enter(behind)
    meter.leave(behind.address)
    assert meter._connections == {}


def test_a_client_has_so_many_subscriptions() -> None:
    meter = Meter(Limits(subscriptions=3))
    meter.subscribe(3)
    with pytest.raises(TooMuch, match="3 subscriptions, not 4"):
        meter.subscribe(4)


def test_a_client_publishes_two_seconds_worth_at_once_and_then_at_its_rate(clock: Clock) -> None:
    meter = Meter(Limits(client_messages=10), clock)
    assert published(meter, ANN) == 20
    clock.now += 0.5
    assert published(meter, ANN) == 5
    clock.now += 3600
    assert published(meter, ANN) == 20


def test_one_client_does_not_use_up_what_another_has_at_the_same_address(clock: Clock) -> None:
    meter = Meter(Limits(client_messages=10), clock)
    assert published(meter, ANN) == 20
    assert published(meter, BEN) == 20


def test_all_of_an_address_share_what_it_has(clock: Clock) -> None:
    meter = Meter(Limits(client_messages=10, address_messages=12), clock)
    assert published(meter, ANN) + published(meter, BEN) == 24
    assert published(meter, FAR) == 20


def test_all_who_publish_on_a_channel_share_what_it_has(clock: Clock) -> None:
    meter = Meter(Limits(client_messages=10, channel_messages=12), clock)
    assert published(meter, ANN) + published(meter, FAR) == 24
    assert published(meter, Visitor("pusher", "10.0.0.3", None, "x"), "other") == 20


def test_bytes_are_counted_and_a_large_message_is_owed(clock: Clock) -> None:
    meter = Meter(Limits(client_bytes=1000), clock)
    meter.publish(ANN, "news", 5000)
    with pytest.raises(TooMuch, match="1000 bytes a second"):
        meter.publish(ANN, "news", 1)
    clock.now += 3.5
    meter.publish(ANN, "news", 1)


def test_what_is_refused_uses_up_nothing(clock: Clock) -> None:
    meter = Meter(Limits(client_messages=100, channel_messages=1), clock)
    assert published(meter, ANN, "full") == 2
    for _ in range(500):
        with pytest.raises(TooMuch):
            meter.publish(ANN, "full", 1)
    assert published(meter, ANN, "other", tries=2) == 2


def test_whoever_comes_under_ever_new_names_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 100)
    meter = Meter()
    for number in range(1000):
        meter.publish(Visitor("bayeux", f"10.1.0.{number}", None, str(number)), f"c{number}", 1)
    assert len(meter._buckets) == 100
