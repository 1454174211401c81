"""pusher-js in a real browser, on a page of another origin: its build with encryption, over each of its transports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.npm import installed
from tests.clients.pusher.conftest import HERE, MASTER, World
from tests.longpoll.conftest import chromium, until
from tests.longpoll.pusher_peer import APP_ID, KEY, SECRET

__all__ = ["chromium"]
pytestmark = [pytest.mark.browser, pytest.mark.system]

# Runs in the page, which is of the application's origin and not of the node's.
SETUP = """([key, port, transport, application, channels]) => {
  window.came = []; window.told = [];
  const client = new Pusher(key, {
    cluster: 'none', wsHost: '127.0.0.1', wsPort: port, httpHost: '127.0.0.1', httpPort: port,
    forceTLS: false, enabledTransports: [transport],
    channelAuthorization: { endpoint: application + '/pusher/auth', headers: { 'X-Who': 'ann' } }
  });
  client.connection.bind('connected', () => told.push(client.connection.connection.transport.name));
  client.connection.bind('error', error => told.push(JSON.stringify(error)));
  for (const name of channels) {
    const channel = client.subscribe(name);
    channel.bind('pusher:subscription_succeeded', () => told.push('subscribed to ' + name));
    channel.bind('pusher:subscription_error', error => told.push(JSON.stringify(error)));
    channel.bind('said', data => came.push(data));
  }
}"""


@pytest.fixture
def visit(chromium: Any, world: World, application: str) -> Iterator[Callable[..., Any]]:
    """Opens a page that subscribes to these channels."""
    context = chromium.new_context()
    script = Path(installed(HERE)) / "node_modules" / "pusher-js" / "dist" / "web" / "pusher-with-encryption.min.js"

    def visit(transport: str, *channels: str) -> Any:
        page = context.new_page()
        page.goto(f"{application}/page")
        page.add_script_tag(path=script)
        page.evaluate(SETUP, [KEY, world.node.port, transport, application, channels])
        return page

    yield visit
    context.close()


@pytest.mark.parametrize("transport", ["ws", "xhr_streaming", "xhr_polling"])
def test_a_browser_hears_what_is_said_openly_privately_and_secretly(
    visit: Callable[..., Any], world: World, place: str, transport: str
) -> None:
    channels = [place, f"presence-{place}", f"private-encrypted-{place}"]
    page = visit(transport, *channels)
    page.wait_for_function(f"told.length === {1 + len(channels)}")
    assert page.evaluate("told.slice().sort()") == sorted([transport, *(f"subscribed to {name}" for name in channels)])
    library = pytest.importorskip("pusher").Pusher(
        APP_ID, KEY, SECRET, ssl=False, host="127.0.0.1", port=world.node.port, encryption_master_key_base64=MASTER
    )
    for number, channel in enumerate(channels):
        library.trigger(channel, "said", {"n": number, "ü": "\u2028"})
    page.wait_for_function("came.length === 3")
    assert sorted(page.evaluate("came.map(function(data) { return data.n; })")) == [0, 1, 2]
    assert page.evaluate("came.every(function(data) { return data['ü'] === '\\u2028'; })")
    page.close()
    until(lambda: world.api.get(f"channels/presence-{place}")[1] == {"occupied": False})
