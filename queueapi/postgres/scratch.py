"""Databases for tests: one is migrated, the others are copies of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from itertools import count

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from queueapi.postgres.connection import connect, translated
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep

_CONNECT_TIMEOUT = 10


class Scratch:
    """1. makes and migrates a template, once; 2. makes copies of it, each for one test; 3. drops them, whoever is
    still connected.

    Args:
        server: the DSN of any database on it, of a user who may create databases. Nothing is done to that database.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        # One, kept open: to connect takes as long as to copy.
        self._session = Dedicated(lambda: connect(server, "queueapi tests", _CONNECT_TIMEOUT))
        # Of this process and this run: others may test on the same server.
        self._prefix = f"queueapi_scratch_{os.getpid()}_{secrets.token_hex(4)}"
        self._numbers = count(1)
        self._template: str | None = None

    def copy(self) -> str:
        """The DSN of a new database with the schema in it and nothing else."""
        if self._template is None:
            self._template = self._made_template()
        name = f"{self._prefix}_{next(self._numbers)}"
        self._run(f'create database "{name}" template "{self._template}"')
        return self._dsn(name)

    def drop(self, dsn: str) -> None:
        """Drop a copy."""
        self._run(f'drop database if exists "{_name(dsn)}" with (force)')

    def close(self) -> None:
        """Drop the template."""
        if self._template is not None:
            self._run(f'drop database if exists "{self._template}" with (force)')
            self._template = None
        self._session.close()

    def _made_template(self) -> str:
        name = f"{self._prefix}_template"
        self._run(f'create database "{name}"')
        with connect(self._dsn(name), "queueapi tests", _CONNECT_TIMEOUT) as connection:
            migrate(connection, lambda _: None)
            Upkeep(Dedicated(lambda: connection)).partition()
        return name

    def _dsn(self, name: str) -> str:
        return make_conninfo(self._server, dbname=name)

    def _run(self, statement: str) -> None:
        with translated("make a database"):
            self._session.connection().execute(statement.encode())  # of names that are our own


def hasten(session: Dedicated, but: Iterable[int]) -> bool:
    """Let the time of all scheduled jobs come, but for these. Whether there was any."""
    return bool(session.run("hasten_jobs", {"but": list(but)}))


def _name(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])
