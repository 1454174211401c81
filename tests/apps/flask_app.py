"""A Flask application and its jobs, as the web process and the worker both import it."""

from __future__ import annotations

import os

import psycopg
from flask import Flask, current_app, g

from queueapi import Job, around_perform, handle, queue
from queueapi.middleware.flask import app_context


class Note(Job):
    text: str
    fail: bool = False

    def run(self) -> str:
        assert "seen" not in g  # each attempt has a g of its own
        g.seen = self.text
        with psycopg.connect(current_app.config["DATABASE"]) as connection:
            connection.execute("insert into notes (text) values (%s)", (f"{current_app.name}: {self.text}",))
        if self.fail:
            raise ValueError(self.text)
        return str(current_app.config["GREETING"]) + self.text


def create_app() -> Flask:
    app = Flask("shop")
    app.config.update(DATABASE=os.environ.get("DATABASE_URL", ""), GREETING="hello ")

    @app.post("/notes/<text>")
    def push(text: str) -> dict[str, object]:
        pushed = queue.push(Note(text))
        return {"id": pushed.id, "ticket": pushed.ticket()}

    @app.get("/notes/<int:id_>")
    def show(id_: int) -> dict[str, object]:
        return handle(id_).status()

    @app.teardown_appcontext
    def note_end(error: BaseException | None) -> None:
        if "seen" in g:
            with psycopg.connect(app.config["DATABASE"]) as connection:
                connection.execute("insert into notes (text) values (%s)", (f"end of {g.seen}: {error!r}",))

    return app


around_perform(app_context(create_app))
