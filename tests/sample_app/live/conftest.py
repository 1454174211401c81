"""Everything that pushes, on a database of its own, and people who come with browsers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql

from sample_app import db
from tests.sample_app.conftest import SECRET, free_port, program
from tests.sample_app.live.browsers import People, Place
from tests.sample_app.live.network import Network

FAR = "127.0.0.2"  # this machine, too, by a network that can be cut


@pytest.fixture(scope="package")
def place(server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Web server, longpoll-serve and worker, on a database that all tests here share."""
    name = f"{template}_live"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    db.apply_schema(dsn)
    web, push = free_port(), free_port()
    environ = {
        "DATABASE_URL": dsn,
        "QUEUEAPI_SECRET": SECRET,
        "LONGPOLL_URL": f"http://127.0.0.1:{push}",
        "PORT": str(web),
        "SPOOL_DIR": str(tmp_path_factory.mktemp("spool")),
    }
    queues = ["-q", "default", "-q", "uploads"]
    with ExitStack() as running:
        try:
            network = Network(FAR, web, push)
        except OSError:
            pytest.skip(f"{FAR} is no address of this machine")
        running.callback(network.close)
        running.enter_context(program("longpoll", environ, "--port", str(push)))
        running.enter_context(program("queueapi", environ, "work", "sample_app.jobs", *queues, sign="ready"))
        running.enter_context(program("sample_app", environ))
        yield Place(f"http://127.0.0.1:{web}", f"http://{FAR}:{web}", network)
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def people(chromium: Any, place: Place) -> Iterator[People]:
    found = People(chromium, place)
    yield found
    place.network.mend()
    for context in found.contexts:
        context.close()
    assert found.wrong == []
