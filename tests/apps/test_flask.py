"""With Flask: a view pushes, and jobs run in an application context that is torn down after each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import flask_app
import pytest
from flask import Flask, current_app, has_app_context

from queueapi import Job, Queue, SynchronousQueue, around_perform, configure
from queueapi.middleware.flask import app_context

Notes = Callable[[], list[str]]


@pytest.fixture
def app(queue: Queue, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setenv("DATABASE_URL", dsn)
    importlib.reload(flask_app)  # its chain was taken away with those of the other tests
    app: Flask = flask_app.create_app()
    return app


def test_a_view_pushes_and_shows_the_job(app: Flask, queue: Queue) -> None:
    client = app.test_client()
    pushed = client.post("/notes/hi").get_json()
    shown = client.get(f"/notes/{pushed['id']}").get_json()
    assert (shown["state"], shown["event"]) == ("available", "queued")
    assert queue.size() == 1


def test_each_job_has_an_application_context_that_is_torn_down(app: Flask, notes: Notes) -> None:
    configure(SynchronousQueue())
    client = app.test_client()
    for text in ("one", "two"):
        client.post(f"/notes/{text}")
    assert notes() == ["shop: one", "end of one: None", "shop: two", "end of two: None"]


def test_teardown_hears_what_the_job_raised(app: Flask, notes: Notes) -> None:
    with pytest.raises(ValueError, match="oh"):
        SynchronousQueue().push(flask_app.Note("oh", fail=True))
    assert notes()[-1] == "end of oh: ValueError('oh')"
    assert not has_app_context()


def test_the_jobs_own_hooks_have_a_context_too(app: Flask, notes: Notes) -> None:
    class Told(Job, kind="apps.flask.told", max_attempts=1):
        def run(self) -> None:
            raise ValueError

        def on_dead(self, exception: BaseException) -> None:
            told.append(current_app.name)

    told: list[str] = []
    with pytest.raises(ValueError):
        SynchronousQueue().push(Told())
    assert told == ["shop"]


def test_an_application_may_be_given_instead_of_its_factory(queue: Queue) -> None:
    own = Flask("own")
    seen: list[str] = []

    def look(job: Any, attempt: Any, call: Callable[[], Any]) -> Any:
        seen.append(current_app.name)

    around_perform(app_context(own))
    around_perform(look)
    SynchronousQueue().push(flask_app.Note("x"))
    assert seen == ["own"]


def test_the_factory_is_called_once_and_not_before_the_first_job(queue: Queue) -> None:
    made: list[Flask] = []

    def create() -> Flask:
        made.append(Flask("made"))
        return made[-1]

    around_perform(app_context(create))
    around_perform(lambda job, attempt, call: None)
    assert made == []
    for _ in range(2):
        SynchronousQueue().push(flask_app.Note("x"))
    assert len(made) == 1


@pytest.mark.system
def test_a_real_worker_runs_them(app: Flask, notes: Notes, burst: Callable[..., str]) -> None:
    client = app.test_client()
    ids = [client.post(f"/notes/{text}").get_json()["id"] for text in ("one", "two")]
    burst("flask_app")
    assert [client.get(f"/notes/{id_}").get_json()["result"] for id_ in ids] == ["hello one", "hello two"]
    assert sorted(notes()) == ["end of one: None", "end of two: None", "shop: one", "shop: two"]
