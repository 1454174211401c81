"""Pusher's own server libraries, in node and in Python, against the HTTP API as it is served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.client import Client
from tests.clients.pusher.conftest import KINDS, MASTER, Start, World
from tests.longpoll.conftest import until
from tests.longpoll.pusher_clients import client
from tests.longpoll.pusher_peer import APP_ID, KEY, SECRET, member

pytestmark = pytest.mark.system


def answered(library: Client, do: str, **how: Any) -> Any:
    """What node's library is answered."""
    before = len(library.events("answer"))
    library.do(do, **how)
    library.wait(lambda: len(library.events("answer")) > before)
    answer = library.events("answer")[before]
    assert answer["status"] == 200, answer
    return answer["body"]


@pytest.fixture
def python(world: World) -> Any:
    """Python's library."""
    pusher = pytest.importorskip("pusher")
    return pusher.Pusher(
        APP_ID, KEY, SECRET, ssl=False, host="127.0.0.1", port=world.node.port, encryption_master_key_base64=MASTER
    )


# -- node


def test_the_library_for_node_triggers_and_asks(world: World, library: Client, place: str) -> None:
    with client(world.node.port) as socket:
        socket.subscribed(place)
        socket.subscribed(f"presence-{place}", member("ann"))
        assert answered(library, "trigger", channels=[place], name="said", data={"a": "ü"}) == {}
        assert socket.event() == ("said", {"a": "ü"})
        params = {"socket_id": socket.socket_id, "info": "subscription_count"}
        answer = answered(library, "trigger", channels=place, name="said", data="not heard", params=params)
        assert answer == {"channels": {place: {"subscription_count": 1}}}
        batch = [{"channel": place, "name": "said", "data": number} for number in range(3)]
        assert answered(library, "batch", batch=batch) == {}
        assert [socket.event() for _ in range(3)] == [("said", number) for number in range(3)]
        found = answered(
            library, "get", path="/channels", params={"filter_by_prefix": f"presence-{place}", "info": "user_count"}
        )
        assert found == {"channels": {f"presence-{place}": {"user_count": 1}}}
        assert answered(library, "get", path=f"/channels/presence-{place}/users") == {"users": [{"id": "ann"}]}
        socket.sign_in("eve")
        socket.subscribe("#server-to-user-eve")
        assert socket.hear()["event"] == "pusher_internal:subscription_succeeded"
        assert answered(library, "user", id="eve", name="greeted", data={"b": 1}) == {}
        assert socket.event() == ("greeted", {"b": 1})
        assert answered(library, "terminate", id="eve") == {}


def test_the_library_for_node_understands_a_refusal(world: World, library: Client, place: str) -> None:
    library.do("trigger", channels=[place], name="pusher:said", data=1)
    library.wait(lambda: library.events("answer"))
    answer = library.events("answer")[0]
    assert answer["status"] == 400
    assert "pusher:" in json.loads(answer["body"])["error"]["message"]


# -- Python


def test_the_library_for_python_triggers_and_asks(world: World, python: Any, place: str) -> None:
    with client(world.node.port) as socket:
        socket.subscribed(place)
        socket.subscribed(f"presence-{place}", member("ann"))
        assert python.trigger(place, "said", {"a": "ü"}) == {}
        assert socket.event() == ("said", {"a": "ü"})
        assert python.trigger([place], "said", "not heard", socket.socket_id) == {}
        assert python.trigger_batch([{"channel": place, "name": "said", "data": str(n)} for n in range(3)]) == {}
        assert [socket.event() for _ in range(3)] == [("said", number) for number in range(3)]
        assert python.channels_info(f"presence-{place}", ["user_count"]) == {
            "channels": {f"presence-{place}": {"user_count": 1}}
        }
        assert python.channel_info(place, ["subscription_count"]) == {"occupied": True, "subscription_count": 1}
        assert python.users_info(f"presence-{place}") == {"users": [{"id": "ann"}]}
        socket.sign_in("ivy")
        socket.subscribe("#server-to-user-ivy")
        assert socket.hear()["event"] == "pusher_internal:subscription_succeeded"
        assert python.trigger("#server-to-user-ivy", "greeted", {"b": 1}) == {}
        assert socket.event() == ("greeted", {"b": 1})
        assert python.terminate_user_connections("ivy") == {}
    until(lambda: python.channel_info(place) == {"occupied": False})


def test_the_library_for_python_understands_a_refusal(world: World, python: Any, place: str) -> None:
    from pusher.errors import PusherBadAuth, PusherBadRequest, PusherBadStatus

    with pytest.raises(PusherBadRequest, match="presence"):
        python.users_info(place)
    with pytest.raises(PusherBadRequest, match="job"):
        python.trigger("private-job-7", "said", 1)
    other = type(python)(APP_ID, KEY, "another-secret-it-is", ssl=False, host="127.0.0.1", port=world.node.port)
    with pytest.raises(PusherBadAuth, match="auth_signature"):
        other.trigger(place, "said", 1)
    unknown = type(python)("1", KEY, SECRET, ssl=False, host="127.0.0.1", port=world.node.port)
    with pytest.raises(PusherBadStatus, match="404"):
        unknown.trigger(place, "said", 1)


# -- encrypted, from each library to a client


@pytest.mark.parametrize("kind", KINDS[:1], ids=["websocket"], indirect=True)
def test_what_a_library_encrypts_a_client_decrypts_and_the_server_cannot_read(
    world: World, library: Client, python: Any, start: Start, place: str
) -> None:
    pytest.importorskip("nacl")
    channel = f"private-encrypted-{place}"
    browser = start()
    browser.subscribe(channel)
    python.trigger(channel, "said", {"secret": "from python ü"})
    answered(library, "trigger", channels=[channel], name="said", data={"secret": "from node ü"})
    browser.wait(lambda: len(browser.events("message")) == 2)
    assert [told["data"] for told in browser.events("message")] == [
        {"secret": "from python ü"},
        {"secret": "from node ü"},
    ]
    rows = _logged(world, channel)
    assert [set(json.loads(data)) for data in rows] == [{"nonce", "ciphertext"}] * 2
    assert not any("secret" in data for data in rows)


def _logged(world: World, channel: str) -> list[str]:
    import psycopg

    with psycopg.connect(world.server.dsn) as connection:
        rows = connection.execute("select data::text from queueapi.messages where channel = %s order by id", [channel])
        return [data for (data,) in rows]
