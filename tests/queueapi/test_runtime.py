"""What ties the house together: made once, of the environment, when first needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

import queueapi
from queueapi import SchemaMismatch, StoreUnavailable, TicketRefused
from queueapi.runtime import Lazy, Runtime
from queueapi.settings import Settings


def test_many_threads_that_come_first_together_get_one_runtime() -> None:
    made: list[Runtime] = []

    def make() -> Runtime:
        time.sleep(0.01)  # so that the others arrive meanwhile
        made.append(Runtime(Settings()))
        return made[-1]

    lazy, barrier, got = Lazy(make), threading.Barrier(8), []

    def come() -> None:
        barrier.wait(10)
        got.append(lazy())

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert got == made * 8


def test_settings_that_cannot_be_used_are_told_at_each_use_until_they_can() -> None:
    answers: Iterator[ValueError | Runtime] = iter([ValueError("first"), ValueError("second"), Runtime(Settings())])

    def make() -> Runtime:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    lazy = Lazy(make)
    for word in ("first", "second"):
        with pytest.raises(ValueError, match=word):
            lazy()
    assert lazy() is lazy()


CHECK = """
import sys, queueapi
try:
    queueapi.check()
except queueapi.QueueAPIError as error:
    print(type(error).__name__, error)
else:
    queueapi.runtime.default().pool.close()
    print("fits")
"""


@pytest.mark.system
def test_a_web_process_asks_whether_the_schema_fits_before_it_serves(
    dsn: str, empty_dsn: str, python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert python(CHECK) == "fits"
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    said = python(CHECK.replace("print(type", "queueapi.runtime.default().pool.close(); print(type"))
    assert said.startswith(SchemaMismatch.__name__)
    assert said.endswith("run  queueapi migrate")
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    assert python(CHECK).startswith(StoreUnavailable.__name__)


def test_a_queue_on_another_server_has_its_own_settings(dsn: str) -> None:
    queue = queueapi.connect(dsn, max_args=77, pool_size=1)
    settings = queue._backend().settings
    assert (settings.database_url, settings.max_args, settings.pool_size) == (dsn, 77, 1)
    assert queue["mail"]._backend() is queue._backend()


def test_a_handle_of_a_kept_id_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(Settings(database_url="postgresql://nowhere.invalid"))
    monkeypatch.setattr("queueapi.runtime.default", lambda: runtime)
    assert queueapi.handle(7).id == queueapi.handle("7").id == 7  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'seven'"):
        queueapi.handle("seven")  # type: ignore[arg-type]


def test_a_ticket_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(Settings(secrets=("s" * 32,)))
    monkeypatch.setattr("queueapi.runtime.default", lambda: runtime)
    with pytest.raises(TicketRefused):
        queueapi.verify_ticket("job.MQ.1.x")
