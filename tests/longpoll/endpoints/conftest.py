"""Clients of apps that are made as a test wants them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from longpoll.app import create_app
from longpoll.endpoints.bayeux import Bayeux
from longpoll.listener import Feed
from queueapi.runtime import Runtime
from tests.longpoll.endpoints.faye import Faye


@pytest.fixture
def make(feed: Feed, runtime: Runtime) -> Callable[..., Faye]:
    """A client of an app that is made like this."""

    def make(path: str = "/faye", *, bayeux: Mapping[str, Any] | None = None, **how: Any) -> Faye:
        endpoint = Bayeux(path, **{"hold": 0.3, **(bayeux or {})})
        return Faye(create_app(feed, runtime, endpoints=[endpoint], **how), path)

    return make


@pytest.fixture
def faye(make: Callable[..., Faye]) -> Faye:
    return make(publish=["/public/**"])
