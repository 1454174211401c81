"""Lists of members and what is told afterwards fit together, whoever comes and goes at whichever node meanwhile."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.longpoll.pusher_clients import Polling, Socket, client
from tests.longpoll.pusher_peer import ENVIRON, Api, member
from tests.longpoll.serving import Service

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]

ROOM = "presence-room"
PEOPLE = "abcdef"


class Watcher:
    """Keeps a list of who is there, as clients do, and doubts everything that does not change it."""

    def __init__(self, found: Socket | Polling, name: str) -> None:
        self.found = found
        self.present = set(found.subscribed(ROOM, member(name))["presence"]["ids"])
        assert name in self.present

    def follow(self) -> set[str]:
        """Until the last message; who is there then."""
        while (told := self.found.event())[0] != "last":
            event, data = told
            user_id: str = data["user_id"]
            if event == "pusher_internal:member_added":
                assert user_id not in self.present, f"{user_id} was there"
                self.present.add(user_id)
            else:
                assert event == "pusher_internal:member_removed"
                assert user_id in self.present, f"{user_id} was not there"
                self.present.remove(user_id)
        return self.present


def come_and_go(port: int, seed: int, failures: list[BaseException]) -> None:
    """Several connections that enter and leave, as one of the people each time."""
    chance = random.Random(seed)
    try:
        for _ in range(15):
            with client(port) as socket:
                for _ in range(chance.randrange(1, 4)):
                    socket.subscribe(ROOM, member(chance.choice(PEOPLE)))
                    while socket.hear()["event"] != "pusher_internal:subscription_succeeded":
                        pass
                    if chance.random() < 0.7:
                        socket.say("pusher:unsubscribe", {"channel": ROOM})
                    else:
                        break
    except BaseException as error:
        failures.append(error)


def test_whoever_watches_knows_at_every_moment_who_is_there(serve: Callable[..., Service]) -> None:
    ports = [serve(**ENVIRON).port for _ in range(2)]
    failures: list[BaseException] = []
    moving = [threading.Thread(target=come_and_go, args=(ports[n % 2], n, failures)) for n in range(6)]
    with ExitStack() as stack:
        for thread in moving:
            thread.start()
        watchers: list[Watcher] = []
        while any(thread.is_alive() for thread in moving) and len(watchers) < 40:
            port = ports[len(watchers) % 2]
            if len(watchers) % 4 == 3:
                polling: Any = Polling(*ports).open()
                stack.callback(polling.leave)
                watchers.append(Watcher(polling, f"w{len(watchers)}"))
            else:
                watchers.append(Watcher(stack.enter_context(client(port)), f"w{len(watchers)}"))
        for thread in moving:
            thread.join()
        assert failures == []
        assert len(watchers) > 4
        Api(ports[0]).trigger(ROOM, "last", None)
        seen = [watcher.follow() for watcher in watchers]
        there = {user["id"] for user in Api(ports[1]).get(f"channels/{ROOM}/users")[1]["users"]}
        assert {f"w{number}" for number in range(len(watchers))} <= there
        for present in seen:
            # Who left a moment ago may be told of only now.
            assert there <= present <= there | set(PEOPLE)
