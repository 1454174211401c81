"""Two nodes that serve a Pusher application, the application itself, and a network before the nodes."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from wsgiref.simple_server import WSGIRequestHandler, make_server

import falcon
import pytest

from longpoll.pusher import Member, PusherAuth
from tests.clients.client import Client
from tests.clients.nodes import Node
from tests.clients.npm import installed
from tests.clients.relay import Relay
from tests.clients.world import World as AnyWorld
from tests.clients.world import opened
from tests.longpoll.pusher_peer import APP_ID, ENVIRON, KEY, SECRET, Api

HERE = Path(__file__).parent
MASTER = base64.b64encode(bytes(range(32))).decode()


class World(AnyWorld):
    """A database, a node that is served by, and another that stands by."""

    def _start(self) -> Node:
        return Node(self.server.dsn, **ENVIRON)

    @property
    def api(self) -> Api:
        """Of the node that serves."""
        return Api(self.node.port)



class Kind(NamedTuple):
    """A client by what carries it."""

    name: str
    transports: str

    def start(self, application: str, url: str, who: str) -> Client:
        """The client, or a skipped test where it cannot be had."""
        command: list[str | Path] = ["node", HERE / "pusher.js", self.transports, KEY, application]
        return Client(command, url, CLIENTS=str(installed(HERE)), WHO=who)


# A stream that breaks twice within four minutes its client gives up, and polls.
KINDS = [Kind("websocket", "ws"), Kind("streaming", "xhr_streaming,xhr_polling"), Kind("polling", "xhr_polling")]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with opened(World, tmp_path_factory.mktemp("pusher")) as world:
        yield world


@pytest.fixture(scope="session")
def application() -> Iterator[str]:
    """The application's own address, where it says who may what: everybody may what bears his name, or is a room's."""

    def may(request: Any, channel: str) -> bool | Member:
        who = request.get_header("X-Who")
        if channel.startswith("presence-"):
            return Member(who, {"name": who})
        return not channel.startswith("private-closed")

    app = falcon.App(cors_enable=True)
    auth = PusherAuth(
        may=may, who=lambda request: {"id": request.get_header("X-Who")}, key=KEY, secret=SECRET, master_key=MASTER
    )
    auth.falcon(app)
    app.add_route("/page", Page())
    server = make_server("127.0.0.1", 0, app, handler_class=_Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


class Page:
    """For a browser to be at."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.text = "<!doctype html><title>page</title>"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(params=KINDS, ids=[kind.name for kind in KINDS])
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


Start = Callable[..., Client]


@pytest.fixture
def start(relay: Relay, application: str, kind: Kind) -> Iterator[Start]:
    """Starts clients behind the network."""
    with ExitStack() as stack:

        def start(who: str = "ann") -> Client:
            client = kind.start(application, f"http://127.0.0.1:{relay.port}", who)
            stack.callback(client.close)
            return client

        yield start


@pytest.fixture
def library(world: World) -> Iterator[Client]:
    """Pusher's server library for node."""
    command: list[str | Path] = ["node", HERE / "library.js", APP_ID, KEY, SECRET, MASTER]
    client = Client(command, f"http://127.0.0.1:{world.node.port}", CLIENTS=str(installed(HERE)))
    yield client
    client.close()


@pytest.fixture
def place() -> str:
    """The name of a channel that no other test uses."""
    return f"t{uuid4().hex[:12]}"
