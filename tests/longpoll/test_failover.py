"""The database's machine is lost, and a standby takes over: nobody goes on with a cursor that means nothing there, and
what was committed is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from longpoll.log import Channels
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.serving import SECRET, Service, ticket
from tests.standby import Pair

pytestmark = pytest.mark.system


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with Pair(tmp_path) as pair:
        yield pair


def test_after_a_failover_everybody_is_told_to_start_over_and_hears_what_is_so(pair: Pair) -> None:
    dsn = pair.dsn
    runtime = Runtime(Settings(database_url=dsn, secrets=(SECRET,)))
    channels = Channels(lambda: runtime)
    session = Dedicated(lambda: connect(dsn, "tests", 5))
    jobs = Jobs(Store(session))
    (job,) = jobs.push()
    service = Service(dsn)
    held, away = (service.browser(ticket(job), "news") for _ in range(2))
    for browser in (held, away):
        assert [event for event, _ in browser.poll(0)] == ["queued"]
    channels["news"].publish("said", 1)
    assert held.poll() == [("said", 1)]
    before = held.cursor
    held.ask()
    jobs.claim()
    jobs.finish(job, tell=False)  # committed, and nobody was told
    pair.fail_over()
    until(lambda: service.get("/healthz")[0] == 200, 30)

    told = held.answer()
    while "done" not in [event for event, _ in told]:
        told += held.poll()
    assert held.resets == 1
    assert held.cursor != before
    # Who was away brings a cursor of the other machine: said so, and told what is so.
    assert [event for event, _ in away.poll()] == ["done"]
    assert away.resets == 1
    for number in range(20):
        channels["news"].publish("said", number)
    heard: list[int] = []
    while len(heard) < 20:
        heard += [data for event, data in held.poll() if event == "said"]
    assert heard == list(range(20))
    assert held.resets == 1
    status, said = service.get(f"/job?ticket={ticket(job)}")
    assert (status, json.loads(said)["event"]) == (200, "done")
    assert "PostgreSQL is back" in service.end()
    session.close()
    runtime.pool.close()
