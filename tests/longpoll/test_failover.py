"""The database's machine is lost, and a standby takes over: nobody goes on with a cursor that means nothing there, and
what was committed is known."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from longpoll.log import Channels
from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.serving import SECRET, Service, ticket

pytestmark = pytest.mark.system


class Pair:
    """A primary, and a standby that every commit waits for."""

    def __init__(self, folder: Path) -> None:
        self.primary = EmbeddedPostgres(folder / "primary", durable=False)
        self.standby = EmbeddedPostgres(folder / "standby", durable=False, settings={"hot_standby": "on"})

    def start(self) -> None:
        self.primary.start()
        with connect(self.primary.dsn, "tests", 5) as connection:
            migrate(connection, lambda name: None)
        upstream = conninfo_to_dict(self.primary.dsn)
        del upstream["dbname"]
        self.primary.stop()
        self.standby.start()
        self.standby.stop()
        ours, theirs = self.primary._cluster.home, self.standby._cluster.home
        owner = (theirs / "data").stat()
        shutil.rmtree(theirs / "data")
        shutil.copytree(ours / "data", theirs / "data")
        shutil.copy2(ours / "password", theirs / "password")
        (theirs / "data" / "standby.signal").touch()
        for path in (theirs / "data", theirs / "password", *(theirs / "data").rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        self.standby._settings["primary_conninfo"] = make_conninfo("", **upstream)
        self.primary.start()
        self.standby.start()
        with psycopg.connect(self.primary.dsn, autocommit=True) as connection:
            connection.execute("alter system set synchronous_standby_names = '*'")
            connection.execute("select pg_reload_conf()")
            until(lambda: connection.execute("select 1 from pg_stat_replication where sync_state = 'sync'").fetchone())

    @property
    def dsn(self) -> str:
        """Whichever of the two can be written to."""
        one, other = (conninfo_to_dict(server.dsn) for server in (self.primary, self.standby))
        assert one["password"] == other["password"]
        return make_conninfo(
            user=one["user"], password=one["password"], dbname="postgres", host="127.0.0.1,127.0.0.1",
            port=f"{one['port']},{other['port']}", target_session_attrs="read-write",
        )  # fmt: skip

    def fail_over(self) -> None:
        """The primary is gone from one moment to the next, and the standby is made the primary."""
        os.kill(self.primary.pid, signal.SIGKILL)
        self.primary.wait()
        with psycopg.connect(self.standby.dsn, autocommit=True) as connection:
            connection.execute("alter system reset synchronous_standby_names")
            connection.execute("select pg_reload_conf()")
            connection.execute("select pg_promote(true, 30)")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    try:
        pair.start()
        yield pair
    finally:
        for server in (pair.standby, pair.primary):
            server.destroy()


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
    heard = []
    while len(heard) < 20:
        heard += [data for event, data in held.poll() if event == "said"]
    assert heard == list(range(20))
    assert held.resets == 1
    status, said = service.get(f"/job?ticket={ticket(job)}")
    assert (status, json.loads(said)["event"]) == (200, "done")
    assert "PostgreSQL is back" in service.end()
    session.close()
    runtime.pool.close()
