"""The whole way, for real: the demo's processes, a file through the page, and the answer without reloading."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queueapi.embedded import EmbeddedPostgres
from sample_app.imports.example import example_csv

pytestmark = [pytest.mark.browser, pytest.mark.system]

ROOT = Path(__file__).parents[2]
ROWS, BAD = 50_000, 100

# A browser of 2010, as far as a script can tell.
OLD = """
['WebSocket', 'EventSource', 'fetch', 'Promise'].forEach(function (name) { delete window[name]; });
"""
# Notes every position that the push rung's bar takes, from 0 to 1.
WATCH = """
window.seen = [];
document.addEventListener('DOMContentLoaded', function () {
  var bar = document.querySelector('#push progress');
  if (!bar) { return; }
  new MutationObserver(function () {
    if (bar.position >= 0 && seen[seen.length - 1] !== bar.position) { seen.push(bar.position); }
  }).observe(bar, {attributes: true});
});
"""


def free_ports(number: int) -> list[int]:
    """Held all at once, so that they differ."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The web app's address, with everything behind it running, as ``make demo`` starts it."""
    folder = tmp_path / "dev"
    web, longpoll = free_ports(2)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_URL"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "sample_app.demo", "--dir", str(folder), "--tied"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env={**kept, "PORT": str(web), "LONGPOLL_PORT": str(longpoll)},
    )
    said: list[str] = []
    assert process.stdout
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops everything" in line:
                break
        else:
            pytest.fail("the demo ended before it was ready:\n" + "".join(said))
        yield f"http://127.0.0.1:{web}"
    finally:
        process.terminate()
        process.communicate(timeout=20)
        EmbeddedPostgres(folder / "postgres").destroy()


@pytest.fixture
def page(chromium: Any, demo: str) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=demo)
    tab = context.new_page()
    tab.add_init_script(OLD)
    tab.add_init_script(WATCH)
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()
    assert complaints == []


@pytest.mark.timeout(180)
def test_an_upload_of_50_000_rows_reports_to_a_browser_without_websockets_and_never_reloads(
    page: Any, tmp_path: Path
) -> None:
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"".join(example_csv(ROWS, BAD)))
    page.goto("/imports")
    page.set_input_files("#file", str(file))
    page.click("main button")
    page.wait_for_url("**/runs/*")
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))

    page.locator("#imported").wait_for(timeout=120_000)

    assert page.locator("#push [data-part=state]").inner_text() == "Done"
    assert page.locator("#imported").inner_text() == "49,900"
    assert page.locator("#bad").inner_text() == "100"
    assert page.locator("#bad-rows tbody tr").count() == BAD
    moved = page.evaluate("seen")
    assert len(moved) > 3
    assert moved == sorted(moved)
    assert loads == []
    shots = os.environ.get("SCREENSHOTS")
    for width in (1280, 360) if shots else ():
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=f"{shots}/imported-{width}.png")


def test_a_browser_that_comes_late_or_comes_back_still_gets_the_answer(page: Any, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"".join(example_csv(200, 3)))
    page.goto("/imports")
    page.set_input_files("#file", str(file))
    page.click("main button")
    page.locator("#imported").wait_for()
    run = page.url
    page.goto("about:blank")
    page.goto(run)
    page.locator("#push[data-tone=done] [data-part=state]").wait_for()
    assert page.locator("#push [data-part=state]").inner_text() == "Done"
    assert page.locator("#imported").inner_text() == "197"
