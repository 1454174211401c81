"""With Falcon: a resource pushes in its own transaction, and the ticket that it gives out shows the job."""

from __future__ import annotations

from typing import Any

import falcon
import psycopg
import pytest
from falcon import testing

from queueapi import Job, Queue, verify_ticket


class Charge(Job, kind="apps.falcon.charge"):
    order: int

    def run(self) -> int:
        return self.order


class Orders:
    """Creates an order and its job, or neither."""

    def __init__(self, dsn: str, queue: Queue) -> None:
        self._dsn, self._queue = dsn, queue

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        with psycopg.connect(self._dsn) as connection:
            order = request.media["order"]
            handle = self._queue.push(Charge(order), conn=connection)
            if order < 0:
                raise falcon.HTTPUnprocessableEntity(title="no such order")
        response.media = {"ticket": handle.ticket()}

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.media = verify_ticket(request.get_param("ticket", required=True)).status()


@pytest.fixture
def client(dsn: str, queue: Queue) -> testing.TestClient:
    app = falcon.App()
    app.add_route("/orders", Orders(dsn, queue))
    return testing.TestClient(app)


def test_a_resource_pushes_in_its_transaction_and_gives_out_a_ticket(client: Any, queue: Queue) -> None:
    ticket = client.simulate_post("/orders", json={"order": 7}).json["ticket"]
    shown = client.simulate_get("/orders", params={"ticket": ticket}).json
    assert (shown["state"], shown["kind"], queue.jobs) == ("available", "apps.falcon.charge", [Charge(7)])


def test_a_request_that_fails_pushes_nothing(client: Any, queue: Queue) -> None:
    assert client.simulate_post("/orders", json={"order": -1}).status_code == 422
    assert queue.empty()


