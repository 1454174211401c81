"""One queue for many threads and forked processes, and a server that goes away."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

import queueapi
from queueapi import (
    Job,
    Queue,
    State,
    StoreUnavailable,
)
from queueapi.embedded import EmbeddedPostgres
from queueapi.runtime import Runtime
from queueapi.settings import Settings

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Plain(Job, kind="tests.queues_shared.plain"):
    n: int = 0

    def run(self) -> None: ...


def test_eight_threads_push_through_five_connections(queue: Queue, sql: Sql, dsn: str) -> None:
    def push(worker: int) -> list[int]:
        return [queue.push(Plain(worker * 100 + n)).id for n in range(25)]

    with ThreadPoolExecutor(8) as threads:
        ids = [id_ for pushed in threads.map(push, range(8)) for id_ in pushed]
    assert len(set(ids)) == 200
    assert sql("select count(*), count(distinct args->>'n') from queueapi.jobs") == [(200, 200)]
    ((connections,),) = sql("select count(*) from pg_stat_activity where application_name = 'queueapi'")
    assert 0 < connections <= 5


FORKS = """
import os, sys
import queueapi
class Plain(queueapi.Job, kind="plain"):
    def run(self): ...
def backend():
    with queueapi.runtime.default().pool.connection() as connection:
        return connection.info.backend_pid
queueapi.queue.push(Plain())  # as an application does that gunicorn preloads
mine = backend()
children = []
for number in range(3):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        for _ in range(20):
            queueapi.queue.push(Plain())
        os.write(writer, str(backend()).encode())
        os._exit(0)  # as a worker of gunicorn that is killed: nothing is cleaned up
    os.close(writer)
    children.append((pid, reader))
for _ in range(20):
    queueapi.queue.push(Plain())
backends = {os.read(reader, 100) for _, reader in children}
for pid, _ in children:
    assert os.waitpid(pid, 0)[1] == 0
queueapi.queue.push(Plain())
assert backend() == mine, "the parent lost its connection"
assert len(backends | {str(mine).encode()}) == 4, "a connection is shared"
queueapi.runtime.default().pool.close()
"""


@pytest.mark.system
def test_forked_children_of_a_process_that_has_pushed_open_their_own_connections(
    dsn: str, sql: Sql, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    python(FORKS)
    assert sql("select count(*) from queueapi.jobs") == [(82,)]


@pytest.mark.system
def test_the_lazy_queue_reads_the_environment_at_its_first_use_and_once(
    dsn: str, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import os, sys, queueapi
os.environ["DATABASE_URL"] = sys.argv[1]
class Plain(queueapi.Job, kind="plain"):
    def run(self): ...
handle = queueapi.queue.push(Plain())
os.environ["DATABASE_URL"] = "postgresql://nowhere.invalid"
print(queueapi.handle(handle.id).state(), queueapi.handle(str(handle.id)).state())
queueapi.runtime.default().pool.close()
"""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.invalid")
    assert python(program, dsn) == "available available"


@pytest.mark.system
def test_a_server_that_is_away_is_one_sentence_and_the_push_after_its_return_works(
    own_server: EmbeddedPostgres,
) -> None:
    runtime = Runtime(Settings(database_url=own_server.dsn, connect_timeout=2))
    queue = Queue(lambda: runtime)
    first = queue.push(Plain())
    own_server.restart("immediate")
    assert queue.push(Plain()).id > first.id  # the idle connection was dead, and that was seen
    own_server.stop()
    for ask in (lambda: queue.push(Plain()), first.state, lambda: first.wait(0), runtime.check):
        with pytest.raises(StoreUnavailable, match="PostgreSQL did not connect: ") as caught:
            ask()
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, ConnectionError)
    own_server.start()
    assert queue.push(Plain()).state() is State.AVAILABLE
    assert first.state() is State.AVAILABLE
    runtime.pool.close()


@pytest.mark.system
def test_a_server_that_says_nothing_is_given_up_within_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/none"
        queue = queueapi.connect(url, connect_timeout=2)
        since = time.monotonic()
        with pytest.raises(StoreUnavailable):
            queue.push(Plain())
        assert time.monotonic() - since < 5
