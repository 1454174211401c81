"""Events and who hears them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from queueapi.events import Events


def test_every_subscriber_hears_in_the_order_in_which_they_came() -> None:
    heard: list[tuple[str, str, dict[str, Any]]] = []
    events = Events(lambda name, fields: heard.append(("first", name, fields)))
    events.subscribe(lambda name, fields: heard.append(("second", name, fields)))
    events.emit("claimed", number=3)
    assert heard == [("first", "claimed", {"number": 3}), ("second", "claimed", {"number": 3})]


def test_a_subscriber_that_fails_is_logged_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def fails(name: str, fields: dict[str, Any]) -> None:
        raise OSError("no disk")

    events = Events(fails, lambda name, _: heard.append(name))
    with caplog.at_level(logging.ERROR):
        events.emit("claimed")
    assert heard == ["claimed"]
    assert "claimed" in caplog.text
    assert "no disk" in caplog.text


def test_an_event_may_have_no_listener_and_any_fields() -> None:
    heard: list[dict[str, Any]] = []
    Events().emit("claimed", self_=1)
    Events(lambda _, fields: heard.append(fields)).emit("claimed", error=None, who="me")
    assert heard == [{"error": None, "who": "me"}]
