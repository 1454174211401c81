"""Two servers: a primary, and a standby that takes over."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import migrate
from tests.longpoll.conftest import until


class Pair:
    """A primary, and a standby that every commit waits for; for a ``with`` block."""

    def __init__(self, folder: Path) -> None:
        self.primary = EmbeddedPostgres(folder / "primary", durable=False)
        self.standby = EmbeddedPostgres(folder / "standby", durable=False, settings={"hot_standby": "on"})

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End both, with their data."""
        for server in (self.standby, self.primary):
            server.destroy()

    def _start(self) -> None:
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
