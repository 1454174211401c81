"""What cannot be kept is said: clients hear that something may be missing, and go on."""

from __future__ import annotations

import psycopg
import pytest

from tests.clients.bayeux.conftest import World
from tests.clients.bayeux.kinds import KINDS, Kind
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.relay import Relay
from tests.longpoll.conftest import until

pytestmark = pytest.mark.system

# Those that let an extension see it.
TOLD = [kind for kind in KINDS if kind.id in ("faye-1.4.3-polling", "faye-ruby-websocket", "cometd-9-polling")]


@pytest.fixture(params=TOLD, ids=[kind.id for kind in TOLD])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_a_crash_of_the_database_is_said_and_the_session_goes_on(world: World, client: Client, place: str) -> None:
    client.subscribe(place)
    world.publish(place[1:], 1)
    client.wait(lambda: client.data() == [{"n": 1}])
    until(lambda: world.node.held)
    world.restart_database("immediate")  # which may give the numbers of transactions out again
    client.wait(lambda: client.events("reset"))
    world.publish(place[1:], 2)
    client.wait(lambda: {"n": 2} in client.data())


def test_the_end_of_a_session_is_said_and_the_client_listens_again(
    world: World, client: Client, relay: Relay, place: str
) -> None:
    client.subscribe(place)
    until(lambda: world.node.held)
    relay.refuse()
    node = world.replace(Node.stop)
    with psycopg.connect(world.server.dsn) as connection:
        connection.execute("update queueapi.sessions set until = now()")  # it was away for too long
    relay.lead_to(node.port)
    relay.accept()
    client.wait(lambda: client.events("reset"))
    client.wait(lambda: len(client.events("session")) == 2)

    def comes() -> bool:
        world.publish(place[1:], 1)  # when it listens again it does not say
        return bool(client.data())

    until(comes, 40)
