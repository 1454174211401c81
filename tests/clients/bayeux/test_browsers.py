"""Faye's client in a real browser: its builds over every transport that they have, cut off and carried on elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.clients.bayeux.conftest import START, World
from tests.clients.bayeux.kinds import HERE
from tests.clients.nodes import Node
from tests.clients.npm import installed
from tests.clients.relay import Relay
from tests.longpoll.conftest import chromium, until

__all__ = ["chromium"]
pytestmark = [pytest.mark.browser, pytest.mark.system]

BUILDS = ("1.4.0", "1.4.3")
SAME = ("websocket", "eventsource", "long-polling")
OTHER = ("websocket", "cross-origin-long-polling", "callback-polling")
# As the client prefers them. It shakes hands by the two that are mandatory, whatever it takes afterwards.
ORDER = ("websocket", "eventsource", "cross-origin-long-polling", "long-polling", "callback-polling")

SETUP = """([url, channel, others]) => {
  window.came = [];
  window.told = [];
  window.client = new Faye.Client(url, { retry: 0.5 });
  others.forEach(name => client.disable(name));
  client.addExtension({
    incoming(message, callback) {
      if (message.channel === '/meta/handshake') told.push('session');
      if (message.ext && message.ext.longpoll && message.ext.longpoll.reset) told.push('reset');
      callback(message);
    }
  });
  client.subscribe(channel, data => { came.push(data); }).then(() => { told.push('subscribed'); });
  window.publish = data => {
    client.publish(channel, data).then(() => { told.push('published'); }, error => { told.push(String(error)); });
  };
}"""


class Empty(BaseHTTPRequestHandler):
    """A page with nothing on it, of another origin than the nodes'."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(scope="module")
def pair(world: World, elsewhere: str) -> Iterator[list[Node]]:
    """Two nodes that serve pages of that origin as well."""
    nodes = [Node(world.server.dsn, *START, "--origin", elsewhere) for _ in range(2)]
    yield nodes
    for node in nodes:
        node.stop()


@pytest.fixture
def lead(pair: list[Node]) -> Iterator[Relay]:
    relay = Relay(pair[0].port)
    yield relay
    relay.close()


@pytest.fixture
def visit(chromium: Any, lead: Relay, place: str) -> Iterator[Callable[..., Any]]:
    """Opens a page of an origin, with a build of the client that knows nothing better than this transport."""
    context = chromium.new_context()

    def visit(page_at: str, build: str, transport: str) -> Any:
        url = f"http://127.0.0.1:{lead.port}/faye"
        page = context.new_page()
        page.goto(page_at)
        if build == "1.4.0":
            page.add_script_tag(url=url)  # the line of the slides
        else:
            page.add_script_tag(path=installed(HERE) / "node_modules" / f"faye-{build}/client/faye-browser-min.js")
        better = [name for name in ORDER[: ORDER.index(transport)] if name != "long-polling"]
        page.evaluate(SETUP, [url, place, better])
        page.wait_for_function("told.indexOf('subscribed') >= 0")
        return page

    yield visit
    context.close()


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("where", "transport"), [*(("same", name) for name in SAME), *(("other", name) for name in OTHER)]
)
def test_a_page_hears_publishes_and_carries_on(
    world: World, pair: list[Node], lead: Relay, elsewhere: str, visit: Any, place: str, where: str, build: str,
    transport: str,
) -> None:  # fmt: skip
    page = visit(f"http://127.0.0.1:{lead.port}/healthz" if where == "same" else elsewhere, build, transport)

    def expect(*numbers: int) -> None:
        page.wait_for_function("numbers => numbers.every(n => came.some(data => data.n === n))", arg=list(numbers))

    world.publish(place[1:], 1)
    expect(1)
    page.wait_for_function("transport => client._dispatcher.connectionType === transport", arg=transport)
    page.evaluate("publish({ n: 2 })")
    expect(2)
    page.wait_for_function("told.indexOf('published') >= 0")
    until(lambda: pair[0].held)
    lead.cut()
    world.publish(place[1:], 3, 4)
    expect(3, 4)
    lead.lead_to(pair[1].port)
    lead.cut()
    world.publish(place[1:], 5)
    expect(5)
    assert list(dict.fromkeys(data["n"] for data in page.evaluate("came"))) == [1, 2, 3, 4, 5]
    told = page.evaluate("told")
    assert (told.count("session"), told.count("reset")) == (1, 0)
