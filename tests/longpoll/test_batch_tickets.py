"""The ticket of a batch: a browser sees the progress of the whole, over HTTP, as it sees a job's."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.listener import Feed
from queueapi import Job, Queue
from queueapi.events import Events
from queueapi.postgres.connection import Connection
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime
from queueapi.states import State
from queueapi.worker.linked import Linker, links
from queueapi.worker.recorder import Recorder
from tests.longpoll.conftest import on_waitress


class Piece(Job, kind="tickets.Piece"):
    n: int

    def run(self) -> None: ...


class Worker:
    """Ends jobs as a worker does: so many at a time, each in the state that is asked for."""

    def __init__(self, open_: Callable[[], Connection]) -> None:
        self.session = Dedicated(open_)
        self.store = Store(self.session)
        self.linker = Linker(self.session, 3600.0)
        self.recorder = Recorder(self.store, 3600.0, Events(), self.linker)
        self.token = 0

    def end(self, count: int, state: State = State.DONE) -> None:
        self.token += 1
        jobs = self.store.claim(["default"], count, self.token, UUID(int=7), 30.0)
        assert len(jobs) == count
        outcomes = [Outcome(job.id, job.token, state, error=None if state is State.DONE else "{}") for job in jobs]
        linked = links(zip(outcomes, jobs, strict=True))
        self.recorder.outcomes(outcomes, linked)
        self.linker.complete(linked)


@pytest.fixture
def worker(open_: Callable[[], Connection]) -> Iterator[Worker]:
    worker = Worker(open_)
    yield worker
    worker.session.close()


class Page:
    """A browser with one ticket, which polls as longpoll.js does."""

    def __init__(self, port: int, ticket: str) -> None:
        self.port, self.ticket = port, ticket
        self.cursor: str | None = None

    def poll(self) -> tuple[str, dict[str, Any]]:
        """The next that there is to tell: its event and its data."""
        while True:
            body = {"channels": [self.ticket], "cursor": self.cursor, "wait": 10}
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            connection.request("POST", "/poll", json.dumps(body))
            reply = json.loads(connection.getresponse().read())
            connection.close()
            assert "error" not in reply, reply
            self.cursor = reply["cursor"]
            assert not reply["reset"]
            for message in reply["messages"]:
                assert message["channel"] == self.ticket
                return message["event"], message["data"]

    def until(self, done: int) -> dict[str, Any]:
        """What it is told when so many have an outcome."""
        while True:
            event, data = self.poll()
            if data["progress"]["done"] >= done:
                return {"event": event, **data}


@contextmanager
def opened(feed: Feed, runtime: Runtime, ticket: str) -> Iterator[Page]:
    with on_waitress(create_app(feed, runtime), threads=4) as port:
        yield Page(port, ticket)


def test_the_progress_of_the_whole_moves_and_the_end_is_told(feed: Feed, runtime: Runtime, worker: Worker) -> None:
    queue = Queue(lambda: runtime)
    with queue.batch() as batch:
        batch.push_all(Piece(n) for n in range(10))
    with opened(feed, runtime, batch.ticket()) as page:
        event, data = page.poll()
        assert (event, data["progress"], data["kind"]) == (
            "progress", {"done": 0, "total": 10, "message": None}, "batch"
        )  # fmt: skip
        worker.end(4)
        assert page.until(4)["progress"] == {"done": 4, "total": 10, "message": None}
        worker.end(6)
        data = page.until(10)
        while data["event"] == "progress":  # all have ended, and it was read before the batch was completed
            event, last = page.poll()
            data = {"event": event, **last}
    assert (data["event"], data["state"], data["id"]) == ("done", "done", str(batch.id))
    figures = {"id": str(batch.id), "total": 10, "pending": 0, "done": 10, "dead": 0, "cancelled": 0}
    assert data["result"] == data["batch"] == figures


def test_failures_are_counted_and_the_end_of_a_batch_that_has_some_is_failed(
    feed: Feed, runtime: Runtime, worker: Worker
) -> None:
    queue = Queue(lambda: runtime)
    with queue.batch() as batch:
        batch.push_all(Piece(n) for n in range(3))
    worker.end(1, State.DEAD)
    with opened(feed, runtime, batch.ticket()) as page:
        event, data = page.poll()
        assert (event, data["progress"]["message"], data["batch"]["dead"]) == ("progress", "1 of 3 failed", 1)
        worker.end(2)
        while event == "progress":
            event, data = page.poll()
        assert (event, data["state"]) == ("failed", "dead")
        assert data["error"] == {"type": "BatchFailed", "message": "1 of 3 failed"}
        # A person retries it: the same page, if it goes on asking, hears that all is well.
        queue.dead().retry()
        worker.end(1)
        while event != "done":
            event, data = page.poll()
    assert data["batch"]["done"] == 3


def test_a_ticket_may_be_given_out_before_the_batch_is_committed(feed: Feed, runtime: Runtime) -> None:
    ticket = runtime.signer().sign("batch", "1", 60)
    with opened(feed, runtime, ticket) as page:
        connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
        connection.request("POST", "/poll", json.dumps({"channels": [ticket], "wait": 0}))
        (message,) = json.loads(connection.getresponse().read())["messages"]
        connection.close()
        assert (message["event"], message["data"]) == ("unknown", {"id": "1", "state": "unknown"})


def test_the_state_of_a_batch_can_be_asked_for_without_waiting(feed: Feed, runtime: Runtime) -> None:
    queue = Queue(lambda: runtime)
    with queue.batch() as batch:
        batch.push(Piece(1))
    client = falcon.testing.TestClient(create_app(feed, runtime))
    reply = client.simulate_get("/job?ticket=" + urllib.parse.quote(batch.ticket()))
    assert (reply.json["event"], reply.json["batch"]["total"]) == ("progress", 1)
    unknown = client.simulate_get("/job?ticket=" + runtime.signer().sign("batch", "123456", 60))
    assert (unknown.status_code, unknown.json["error"]["message"][:24]) == (404, "there is no batch 123456")


def test_a_batchs_ticket_is_no_jobs_ticket_and_the_other_way_round(feed: Feed, runtime: Runtime) -> None:
    queue = Queue(lambda: runtime)
    job = queue.push(Piece(1))
    client = falcon.testing.TestClient(create_app(feed, runtime))
    forged = job.ticket().replace("job.", "batch.", 1)
    assert client.simulate_get("/job?ticket=" + forged).status_code == 403


def test_a_job_and_a_batch_with_the_same_number_are_two_channels(
    feed: Feed, runtime: Runtime, worker: Worker
) -> None:
    queue = Queue(lambda: runtime)
    with queue.batch() as batch:
        batch.push(Piece(1))
    handle = queue.push(Piece(2))
    tickets = [batch.ticket(), runtime.signer().sign("job", str(batch.id), 60), handle.ticket()]
    client = falcon.testing.TestClient(create_app(feed, runtime))
    worker.end(2)
    seen: dict[str, str] = {}
    for _ in range(2):  # the second brings what the first had to read
        reply = client.simulate_post("/poll", json={"channels": tickets, "wait": 5}).json
        seen.update((message["channel"], message["data"].get("kind", "none")) for message in reply["messages"])
    assert (seen[tickets[0]], seen[tickets[2]]) == ("batch", "tickets.Piece")


def test_a_batch_cannot_be_cancelled_by_its_ticket(feed: Feed, runtime: Runtime) -> None:
    queue = Queue(lambda: runtime)
    with queue.batch() as batch:
        batch.push(Piece(1))
    client = falcon.testing.TestClient(create_app(feed, runtime))
    reply = client.simulate_post("/job/cancel", json={"ticket": batch.ticket()})
    assert (reply.status_code, reply.json["error"]["code"]) == (403, "bad_ticket")
    assert "for a batch, not for a job" in reply.json["error"]["message"]
    assert batch.state() == "running"
