"""longpoll.js: it is ES3, it behaves in a browser that has nothing, and it works in a real one.

The first two need no browser: they run in the node that the playwright package carries. The cases themselves are
written in JavaScript (``js_cases_*.js``), against the old browser of ``js_page.js``; each is one test here.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from longpoll.script import joined

HERE = Path(__file__).parent
SCRIPT = joined()
CASE_FILES = sorted(HERE.glob("js_cases_*.js"))
CASES = [
    name.replace("\\'", "'")
    for file in CASE_FILES
    for name in re.findall(r"^  test\('((?:[^'\\]|\\.)*)'", file.read_text(encoding="utf-8"), re.MULTILINE)
]


def node(*arguments: str, stdin: str = "") -> Any:
    """What a node program, run with `arguments`, wrote to standard output as JSON."""
    from playwright._impl._driver import compute_driver_executable

    command = [compute_driver_executable()[0], *arguments]
    return json.loads(
        subprocess.run(command, input=stdin, capture_output=True, text=True, check=True, timeout=90).stdout
    )


# 1. The language.

ES3 = [
    "a['catch']()",
    "var o = {a: 1, 'class': 2};",
    "try { f(); } catch (e) { } finally { g(); }",
    "for (;;) { break; }",
]
NOT_ES3 = {
    "reserved word after a dot": "promise.catch(f);",
    "reserved word of ES3 only": "a.final = 1;",
    "reserved word as a key": "var o = {class: 1};",
    "reserved word as a name": "var int = 1;",
    "trailing comma in an object": "var o = {a: 1,};",
    "trailing comma in an array": "var a = [1,];",
    "trailing comma in a call": "f(1,);",
    "getter": "var o = {get a() { return 1; }};",
    "let": "let a = 1;",
    "const": "const a = 1;",
    "arrow": "f(() => 1);",
    "template": "var a = `b`;",
    "shorthand": "var o = {a};",
    "for of": "for (var a of b) { }",
    "spread": "f(...a);",
    "optional catch binding": "try { f(); } catch { }",
    "regular expression flag": "var r = /a/u;",
    "lookbehind": "var r = /(?<=a)b/;",
    "two-line string": 'var s = "a\\\nb";',
    "letters beyond ASCII": 'var s = "é";',
    "named function expression": "f(function g() { });",
    "try without catch": "try { f(); } finally { g(); }",
    "function in a block": "if (a) { function f() { } }",
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, str | None]:
    """For each script, None when it is ES3, else what is wrong."""
    scripts = [SCRIPT, *ES3, *NOT_ES3.values()]
    return dict(
        zip(scripts, node("--expose-internals", str(HERE / "js_es3.js"), stdin=json.dumps(scripts)), strict=True)
    )


def test_longpoll_js_is_es3(verdicts: dict[str, str | None]) -> None:
    assert verdicts[SCRIPT] is None


@pytest.mark.parametrize("text", ES3)
def test_the_checker_accepts_what_es3_has(verdicts: dict[str, str | None], text: str) -> None:
    assert verdicts[text] is None


@pytest.mark.parametrize("what", NOT_ES3)
def test_the_checker_refuses_what_es3_has_not(verdicts: dict[str, str | None], what: str) -> None:
    assert verdicts[NOT_ES3[what]]


# 2. Behaviour, in an old browser.


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """For each case, None when it passed, else what failed."""
    script = tmp_path_factory.mktemp("script") / "longpoll.js"
    script.write_text(SCRIPT, encoding="utf-8")
    return dict(node("--expose-gc", str(HERE / "js_run.js"), str(script), *map(str, CASE_FILES)))


@pytest.mark.parametrize("case", CASES)
def test_in_an_old_browser(outcomes: dict[str, str | None], case: str) -> None:
    assert outcomes[case] is None, outcomes[case]


def test_every_case_that_ran_is_listed(outcomes: dict[str, str | None]) -> None:
    assert sorted(outcomes) == sorted(CASES)


# 3. A real browser, over real sockets.

OLD = """
  var gone = ['WebSocket', 'EventSource', 'fetch', 'Promise', 'JSON'];
  for (var i = 0; i < gone.length; i += 1) { delete window[gone[i]]; }
  delete Array.prototype.forEach; delete Function.prototype.bind; delete Date.now; delete Object.keys;
"""
PAGE = """<!doctype html><title>a page</title><p id="gone"></p><p id="state"></p><p id="log"></p>
<script>OLD
  document.getElementById('gone').innerHTML = [typeof WebSocket, typeof EventSource, typeof fetch, typeof Promise,
    typeof JSON, typeof [].forEach].join(' ');
</script>
<script src="/longpoll.js"></script>
<script>
  function log(text) { document.getElementById('log').appendChild(document.createTextNode(text + '; ')); }
  var live = LongPoll('URL');
  live.onstate(function (state) { document.getElementById('state').innerHTML = state; });
  live.job('t').progress(function (p) { log(p.percent + ' % ' + p.message); })
    .done(function (result) { log('done ' + result); });
  live.job('bad').denied(function (error) { log('denied ' + error.code); });
  live.subscribe('news').bind('published', function (data) { log('news ' + data); });
</script>"""


class Peer(ThreadingHTTPServer):
    """The native dialect in a few lines: a list of messages, whose length is the cursor.

    :ivar requests: (method, number of channels, cursor, wait) of each poll, in order of arrival.
    :ivar cors: whether other origins may read the replies.
    :ivar cut: polls still to be cut off instead of answered, once they have something to say.
    """

    daemon_threads = True

    def __init__(self, cors: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), PeerHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.cors = cors
        self.cut = 0
        self.page = ""
        self.requests: list[tuple[str, int, str | None, int]] = []
        self.messages: list[dict[str, Any]] = []
        self.news = threading.Condition()

    def say(self, channel: str, event: str, data: Any) -> None:
        with self.news:
            self.messages.append({"channel": channel, "event": event, "data": data, "id": str(len(self.messages))})
            self.news.notify_all()

    def reply(self, channels: list[str], cursor: str | None, wait: int) -> dict[str, Any] | None:
        """The body of the answer; None to cut the connection."""
        if "bad" in channels:
            error = {"code": "bad_ticket", "message": "This ticket was not signed here.", "channels": ["bad"]}
            return {"error": error}
        with self.news:
            at = len(self.messages) if cursor is None else int(cursor)
            self.news.wait_for(lambda: len(self.messages) > at, timeout=wait)
            if self.cut and len(self.messages) > at:
                self.cut -= 1
                return None
            found = [message for message in self.messages[at:] if message["channel"] in channels]
            return {"messages": found, "cursor": str(len(self.messages)), "reset": False}


class PeerHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Peer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.poll(asked["channels"], asked["cursor"], asked["wait"], None)

    def do_OPTIONS(self) -> None:
        self.server.requests.append(("OPTIONS", 0, None, 0))
        self.send(204, "text/plain", "")

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/poll":
            channels = json.loads(query["channels"])
            self.poll(channels, query.get("cursor"), int(query["wait"]), query["callback"])
        elif address.path == "/longpoll.js":
            self.send(200, "text/javascript; charset=utf-8", SCRIPT)
        elif address.path == "/":
            self.send(200, "text/html; charset=utf-8", self.server.page)
        else:
            self.send(404, "text/plain", "")

    def poll(self, channels: list[str], cursor: str | None, wait: int, callback: str | None) -> None:
        with self.server.news:
            self.server.requests.append((self.command, len(channels), cursor, wait))
            self.server.news.notify_all()
        reply = self.server.reply(channels, cursor, wait)
        if reply is None:
            self.close_connection = True
        elif callback:
            self.send(200, "text/javascript; charset=utf-8", f"/**/{callback}({json.dumps(reply)});")
        else:
            self.send(403 if "error" in reply else 200, "application/json; charset=utf-8", json.dumps(reply))

    def send(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.server.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass  # the page gave this poll up, which is its right

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the tests look at `Peer.requests`."""


def serving(peer: Peer) -> Iterator[Peer]:
    thread = threading.Thread(target=peer.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield peer
    peer.shutdown()
    thread.join()
    with peer.news:
        peer.messages.append({"channel": ""})  # lets the polls still held go
        peer.news.notify_all()
    peer.server_close()


@pytest.fixture
def site() -> Iterator[Peer]:
    """Where the page comes from."""
    yield from serving(Peer())


@pytest.fixture
def elsewhere() -> Iterator[Peer]:
    """Another origin, where the polls go."""
    yield from serving(Peer())


def opened(chromium: Any, site: Peer, poll_url: str) -> Any:
    """The page, loaded and connected, and 'bad' denied."""
    site.page = PAGE.replace("OLD", OLD).replace("URL", poll_url)
    page = chromium.new_page()
    page.goto(site.url)
    expect_text(page, "#state", "connected")
    expect_text(page, "#log", "denied bad_ticket; ")
    return page


def expect_text(page: Any, where: str, text: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator(where)).to_have_text(re.compile(re.escape(text) + r"\s*$"), timeout=20_000)


def until_held(peer: Peer) -> None:
    """Returns when the last poll to arrive is one that waits."""
    with peer.news:
        held = peer.news.wait_for(lambda: peer.requests and peer.requests[-1][3] > 0, timeout=20)
    assert held, peer.requests


def run_to_the_end(peer: Peer, page: Any) -> None:
    """Shows progress, loses a reply on the way, and finishes the job; the news stay."""
    until_held(peer)
    peer.say("t", "progress", {"progress": {"done": 1, "total": 4, "message": "reading"}})
    expect_text(page, "#log", "25 % reading;")
    peer.cut = 2  # a browser may itself repeat a request whose kept-alive connection was cut
    peer.say("news", "published", "h\u00e9llo \u2028 <b>")
    expect_text(page, "#log", "news h\u00e9llo \u2028 <b>;")
    expect_text(page, "#state", "connected")
    assert peer.cut == 0
    peer.say("t", "done", {"result": "7 \U0001f600"})
    expect_text(page, "#log", "done 7 \U0001f600;")
    peer.say("news", "published", "the last")
    expect_text(page, "#log", "news the last;")
    assert page.locator("#log").text_content().count("news") == 2
    assert peer.requests[-1][1] == 1 or peer.requests[-2][1] == 1, "the finished job is still asked for"


@pytest.mark.browser
def test_a_page_without_any_of_the_modern_apis_follows_its_job(chromium: Any, site: Peer) -> None:
    page = opened(chromium, site, "")
    expect_text(page, "#gone", " ".join(["undefined"] * 6))
    run_to_the_end(site, page)
    assert {request[0] for request in site.requests} == {"POST"}
    page.close()


@pytest.mark.browser
def test_polls_to_another_origin_need_no_preflight(chromium: Any, site: Peer, elsewhere: Peer) -> None:
    page = opened(chromium, site, elsewhere.url)
    run_to_the_end(elsewhere, page)
    assert {request[0] for request in elsewhere.requests} == {"POST"}
    page.close()


@pytest.mark.browser
def test_where_the_other_origin_may_not_be_read_scripts_take_over(chromium: Any, site: Peer, elsewhere: Peer) -> None:
    elsewhere.cors = False
    page = opened(chromium, site, elsewhere.url)
    run_to_the_end(elsewhere, page)
    assert [request[0] for request in elsewhere.requests][:3] == ["POST", "POST", "GET"]
    page.close()
