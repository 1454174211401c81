"""One message, whoever publishes it and by whatever protocol, reaches clients of every dialect; and so does a job."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from longpoll.log import Channels
from tests.longpoll.conftest import Jobs
from tests.longpoll.pusher_clients import client
from tests.longpoll.pusher_peer import ENVIRON, Api
from tests.longpoll.serving import Service, ticket

pytestmark = pytest.mark.system

CHANNEL = {"native": "room.1", "bayeux": "/room/1", "pusher": "room.1"}


class Faye:
    """A client of Bayeux's wire."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=40)
        self._number = 0
        (told,) = self.say("/meta/handshake", version="1.0", supportedConnectionTypes=["long-polling"])
        self.client = told["clientId"]

    client: str | None = None

    def say(self, channel: str, **fields: Any) -> list[dict[str, Any]]:
        self._number += 1
        message = {"channel": channel, "id": str(self._number), "clientId": self.client, **fields}
        self._connection.request("POST", "/faye", json.dumps([message]), {"Content-Type": "application/json"})
        replies: list[dict[str, Any]] = json.loads(self._connection.getresponse().read())
        return replies

    def subscribe(self, channel: str, **fields: Any) -> None:
        (told,) = self.say("/meta/subscribe", subscription=channel, **fields)
        assert told["successful"], told

    def hear(self) -> list[Any]:
        """What the next connect brings, with the channel that it came on."""
        replies = self.say("/meta/connect", connectionType="long-polling")
        return [(one["channel"], one["data"]) for one in replies if one["channel"] != "/meta/connect"]

    def leave(self) -> None:
        self._connection.close()


def heard(hear: Callable[[], list[Any]]) -> list[Any]:
    """The first that comes, whatever comes of empty replies before it."""
    while not (found := hear()):
        pass
    return found


@pytest.fixture
def service(serve: Callable[..., Service]) -> Service:
    return serve("--publish", "/room/*", **ENVIRON)


def by_python(service: Service, channels: Channels) -> None:
    channels["/room/1"].trigger("said", {"n": 1})


def by_pusher(service: Service, channels: Channels) -> None:
    Api(service.port).trigger("room.1", "said", {"n": 1})


def by_bayeux(service: Service, channels: Channels) -> None:
    faye = Faye(service.port)
    (told,) = faye.say("/room/1", data={"n": 1})
    assert told["successful"], told
    faye.leave()


def by_faye_in_python(service: Service, channels: Channels) -> None:
    channels.publish("/room/1", {"n": 1})


@pytest.mark.parametrize(
    ("publish", "event"),
    [(by_python, "said"), (by_pusher, "said"), (by_bayeux, "message"), (by_faye_in_python, "message")],
)
def test_what_one_publishes_all_hear(
    service: Service, channels: Channels, publish: Callable[[Service, Channels], None], event: str
) -> None:
    native, faye = service.browser(CHANNEL["native"]), Faye(service.port)
    native.poll(0)
    faye.subscribe(CHANNEL["bayeux"])
    faye.hear()
    with client(service.port) as pusher:
        pusher.subscribed(CHANNEL["pusher"])
        publish(service, channels)
        assert native.poll() == [(event, {"n": 1})]
        wrapped = {"n": 1} if event == "message" else {"event": event, "data": {"n": 1}}
        assert heard(faye.hear) == [("/room/1", wrapped)]
        said = pusher.hear()
        assert (said["channel"], said["event"], said["data"]) == ("room.1", event, {"n": 1})
    faye.leave()


def test_a_job_is_an_ordinary_channel_in_every_dialect(service: Service, jobs: Jobs) -> None:
    (job,) = jobs.push()
    native, faye = service.browser(ticket(job)), Faye(service.port)
    faye.subscribe(f"/jobs/{job}", ext={"ticket": ticket(job)})
    with client(service.port) as pusher:
        pusher.subscribed(f"private-job-{job}")
        assert [event for event, _ in native.poll()] == ["queued"]
        assert [data["event"] for _, data in heard(faye.hear)] == ["queued"]
        assert pusher.event()[0] == "queued"
        jobs.claim()
        jobs.finish(job, result='{"rows": 3}')
        for hear in (lambda: native.poll(), lambda: _events(faye), lambda: [pusher.event()]):
            told: list[Any] = []
            while "done" not in [event for event, _ in told]:
                told += heard(hear)
            assert told[-1][1]["result"] == {"rows": 3}
    faye.leave()


def _events(faye: Faye) -> list[Any]:
    return [(data["event"], data["data"]) for _, data in faye.hear()]


def test_what_is_private_takes_its_own_proof_in_every_dialect(service: Service, channels: Channels) -> None:
    private = channels["private-room"]
    faye = Faye(service.port)
    (told,) = faye.say("/meta/subscribe", subscription="/private-room")
    assert (told["successful"], told["error"][:3]) == (False, "403")
    assert service.get('/poll?channels=["private-room"]&wait=0')[0] == 403
    faye.subscribe("/private-room", ext={"ticket": private.ticket()})
    faye.hear()
    browser = service.browser(private.ticket())
    browser.poll(0)
    with client(service.port) as pusher:
        pusher.subscribe("private-room", auth="test-key:0000")
        assert pusher.event()[0] == "pusher:subscription_error"
        pusher.subscribed("private-room")
        private.trigger("said", 1)
        assert browser.poll() == [("said", 1)]
        assert heard(faye.hear) == [("/private-room", {"event": "said", "data": 1})]
        assert pusher.event() == ("said", 1)
    faye.leave()
