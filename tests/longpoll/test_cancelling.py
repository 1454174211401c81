"""POST /job/cancel: by a ticket that allows it, and by no other."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.listener import Feed
from queueapi import tickets
from queueapi.runtime import Runtime
from queueapi.signing import Signer
from tests.longpoll.conftest import Jobs, Sql

Client = falcon.testing.TestClient
SIGNER = Signer("s" * 32)


@pytest.fixture
def client(feed: Feed, runtime: Runtime) -> Client:
    return Client(create_app(feed, runtime))


def ticket(id_: int, cancel: bool = True, expires: float = 3600) -> str:
    return tickets.sign(SIGNER, id_, expires, cancel)


def cancel(client: Client, ticket: object) -> Any:
    return client.simulate_post("/job/cancel", json={"ticket": ticket})


def test_what_waits_is_taken_back_and_what_has_ended_is_left_alone(client: Client, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    reply = cancel(client, ticket(id_))
    assert (reply.status, reply.json) == (falcon.HTTP_200, {"cancelled": True})
    assert reply.headers["cache-control"] == "no-store"
    assert client.simulate_get("/job", params={"ticket": ticket(id_)}).json["event"] == "cancelled"
    assert cancel(client, ticket(id_)).json == {"cancelled": False}


def test_what_runs_is_told_to_stop(client: Client, jobs: Jobs, sql: Sql) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    assert cancel(client, ticket(id_)).json == {"cancelled": True}
    assert sql("select state, cancelled_at is not null from queueapi.jobs") == [("running", True)]


def test_a_ticket_that_only_shows_the_job_cancels_nothing(client: Client, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    shows = ticket(id_, cancel=False)
    reply = cancel(client, shows)
    assert reply.status == falcon.HTTP_403
    assert (reply.json["error"]["code"], reply.json["error"]["channels"]) == ("bad_ticket", [shows])
    assert "cancel=True" in reply.json["error"]["message"]
    assert client.simulate_get("/job", params={"ticket": shows}).json["event"] == "queued"


@pytest.mark.parametrize(
    "text",
    [
        SIGNER.sign("channel", "1:cancel", 3600),
        SIGNER.sign("batch", "1:cancel", 3600),
        SIGNER.sign("job", "1:cancel", -5),
        Signer("x" * 32).sign("job", "1:cancel", 3600),
        SIGNER.sign("job", "1:cancel:cancel", 3600),
        SIGNER.sign("job", "1:CANCEL", 3600),
        SIGNER.sign("job", str(2**63) + ":cancel", 3600),
        "nonsense",
        "",
    ],
)
def test_no_other_ticket_is_taken(client: Client, text: str) -> None:
    assert cancel(client, text).status == falcon.HTTP_403


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '{"ticket": 5}', '{"ticket": null}', '"x"', "{", "ticket=x", "x" * 2000]
)
def test_a_body_of_another_form_is_refused(client: Client, body: str) -> None:
    reply = client.simulate_post("/job/cancel", body=body)
    assert (reply.status, reply.json["error"]["code"]) == (falcon.HTTP_400, "bad_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_a_post_stops_anything(client: Client, jobs: Jobs, method: str) -> None:
    (id_,) = jobs.push()
    reply = client.simulate_request(method, "/job/cancel", params={"ticket": ticket(id_), "callback": "f"})
    assert reply.status == falcon.HTTP_405
    assert client.simulate_get("/job", params={"ticket": ticket(id_)}).json["event"] == "queued"


def test_a_page_of_another_origin_may_do_it_without_a_preflight(client: Client, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    reply = client.simulate_post(
        "/job/cancel",
        body=f'{{"ticket": "{ticket(id_)}"}}',
        headers={"Content-Type": "text/plain", "Origin": "http://other.example"},
    )
    assert reply.json == {"cancelled": True}
    assert reply.headers["access-control-allow-origin"] == "*"


def test_such_a_ticket_shows_the_job_as_any(client: Client, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    reply = client.simulate_post("/poll", json={"channels": [ticket(id_)], "cursor": None, "wait": 0})
    assert [message["event"] for message in reply.json["messages"]] == ["queued"]
