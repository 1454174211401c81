"""The app on a database of its own, without and with a server, and a worker that runs what was pushed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from longpoll import Channels
from queueapi import Handle, Queue, TicketRefused
from queueapi import Settings as QueueSettings
from queueapi.runtime import Runtime
from sample_app import db
from sample_app.app import create_app
from sample_app.settings import Settings
from sample_app.slow_api import SlowAPI
from tests.sample_app.visitors import Visitor

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, and long enough"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def program(
    module: str, environ: dict[str, str], *words: str, sign: str = "127.0.0.1"
) -> Iterator[subprocess.Popen[str]]:
    """A process, from the line by which it says that it is ready to its end by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=os.environ | environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if sign in line:
                    break
            else:
                pytest.fail(f"{module} ended before it was ready:\n" + "".join(said))
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


@pytest.fixture
def conn(dsn: str) -> Iterator[db.Connection]:
    """A connection to a fresh database with the app's tables."""
    db.apply_schema(dsn)
    with db.connect(dsn) as connection:
        yield connection


@pytest.fixture
def settings(dsn: str, tmp_path: Path) -> Settings:
    """Nothing listens on the ports; ``mail_server`` starts a mail server on its own."""
    db.apply_schema(dsn)
    return Settings(
        dsn=dsn,
        longpoll_url=f"http://127.0.0.1:{free_port()}",
        smtp_port=free_port(),
        slow_api_port=free_port(),
        spool_dir=tmp_path / "spool",
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Any]:
    """The WSGI app."""
    runtime = Runtime(QueueSettings(database_url=settings.dsn, secrets=(SECRET,)))

    def verify_ticket(ticket: str) -> Handle:
        verified = runtime.signer().verify(ticket)
        if verified.purpose != "job":
            raise TicketRefused("not for a job")
        return Handle(runtime, int(verified.name))

    yield create_app(settings, Queue(lambda: runtime), verify_ticket, Channels(lambda: runtime))
    runtime.pool.close()


@pytest.fixture
def client(app: Any) -> testing.TestClient:
    """A browser without JavaScript, on the app."""
    return testing.TestClient(app)


@pytest.fixture
def environ(settings: Settings) -> dict[str, str]:
    """The same settings for a process of its own."""
    return {
        "DATABASE_URL": settings.dsn,
        "QUEUEAPI_SECRET": SECRET,
        "LONGPOLL_URL": settings.longpoll_url,
        "SMTP_PORT": str(settings.smtp_port),
        "SLOW_API_PORT": str(settings.slow_api_port),
        "SPOOL_DIR": str(settings.spool_dir),
    }


@pytest.fixture
def work(environ: dict[str, str]) -> Callable[[], None]:
    """Call it to have all jobs run that can be run now, by a real worker."""
    words = ["-c", "import sys; from queueapi.cli import work; sys.exit(work())", "sample_app.jobs", "--burst"]
    queues = [word for queue in ("default", "mail", "uploads") for word in ("-q", queue)]

    def run() -> None:
        done = subprocess.run(
            [sys.executable, *words, *queues],
            env=os.environ | environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture
def mail_server(environ: dict[str, str]) -> Iterator[None]:
    """The SMTP sink."""
    with program("sample_app.smtp_sink", environ):
        yield


@pytest.fixture
def slow_api() -> Iterator[SlowAPI]:
    """The third party."""
    with SlowAPI("127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def address(environ: dict[str, str]) -> Iterator[str]:
    """The app on waitress, in a process of its own."""
    port = free_port()
    with program("sample_app", environ | {"PORT": str(port)}):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser; without one, the test says that it was skipped."""
    sync_api = pytest.importorskip("playwright.sync_api")
    found = [
        path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))
    ]
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync"]
    with sync_api.sync_playwright() as playwright:
        path = found[0] if found else playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("no Chromium here")
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def ada(app: Any) -> Visitor:
    """One who has been here."""
    visitor = Visitor(app)
    visitor.post("/you", {"name": "Ada"})
    return visitor


@pytest.fixture
def grace(app: Any) -> Visitor:
    """Another."""
    visitor = Visitor(app)
    visitor.post("/you", {"name": "Grace"})
    return visitor


@pytest.fixture
def pad(ada: Visitor) -> str:
    """The address of a text that Ada began, and so follows."""
    return ada.post("/pads", {"title": "Minutes"}).headers["location"]


def node(program: str, *flags: str) -> Any:
    """What the program, run in the node that playwright carries, wrote as JSON."""
    driver = pytest.importorskip("playwright._impl._driver").compute_driver_executable()[0]
    line = [driver, *flags, "-"]
    done = subprocess.run(line, input=program, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def text_of(html: str) -> str:
    """What a reader of the page sees, on one line."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
