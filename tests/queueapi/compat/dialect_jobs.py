"""Jobs of all three dialects, for real workers. What they do is written down at once, in a table of the test's own."""

from __future__ import annotations

import os
import time
from typing import Any

import psycopg

from queueapi.compat import resque, sidekiq
from queueapi.compat.delayed_job import JobRow, delayable, register_locator


def note(*what: object) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("insert into noted (text) values (%s)", (" ".join(map(str, what)),))


class Repository:
    """A record, of a table of the test's own."""

    def __init__(self, id_: int) -> None:
        self.id = id_

    def index(self, branch: str) -> str:
        return f"{self.id} {branch}"

    @classmethod
    def find(cls, id_: int) -> Repository | None:
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            row = connection.execute("select id from repositories where id = %s", (id_,)).fetchone()
        return None if row is None else cls(row[0])


register_locator(Repository, key=lambda repository: repository.id, find=Repository.find)


@delayable
class Slow:
    """Takes longer than it may."""

    seconds: float

    def perform(self) -> None:
        time.sleep(self.seconds)

    def max_run_time(self) -> float:
        return 0.3

    def max_attempts(self) -> int:
        return 1

    def error(self, job: JobRow, exception: BaseException) -> None:
        note("error", type(exception).__name__)

    def failure(self, job: JobRow) -> None:
        note("failure", job.attempts)


class Exclusive(resque.WorkersLock):
    """One at a time, in whatever process."""

    queue = "exclusive"

    @staticmethod
    def lock_workers(tenant: str, number: int) -> Any:
        return tenant

    @staticmethod
    def perform(tenant: str, number: int) -> None:
        note("begin", tenant, number)
        time.sleep(0.1)
        note("end", tenant, number)


class Hard(sidekiq.Worker, queue="hard", retry=1):
    """Fails once."""

    def perform(self, name: str) -> str:
        note(name, self.jid)
        with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
            row = connection.execute("select count(*) from noted where text like %s", (f"{name} %",)).fetchone()
        if row == (1,):
            raise ValueError("not yet")
        return name

    def retry_in(self, count: int, exception: BaseException) -> float:
        return 0.05


@sidekiq.server_middleware.add
def watch(worker: Any, job: dict[str, Any], queue: str, go_on: Any) -> Any:
    note("watched", job["class"], job["retry_count"])
    return go_on()
