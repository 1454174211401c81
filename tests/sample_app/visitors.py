"""Visitors without JavaScript, each with a cookie of his own; and what was published for those who have it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from falcon import testing

from sample_app import db


class Visitor:
    """A browser without JavaScript that keeps its cookie."""

    def __init__(self, app: Any) -> None:
        self._client = testing.TestClient(app)
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> testing.Result:
        return self._noted(self._client.simulate_get(path, cookies=self.cookies))

    def post(self, path: str, fields: dict[str, str], site: str = "same-origin") -> testing.Result:
        """A form, sent by a page of the same site unless said otherwise."""
        return self.send(path, urlencode(fields).encode(), "application/x-www-form-urlencoded", site)

    def send(
        self, path: str, body: bytes, kind: str = "application/octet-stream", site: str = "same-origin"
    ) -> testing.Result:
        """Bytes, as a script sends them."""
        headers = {"Content-Type": kind, "Sec-Fetch-Site": site}
        return self._noted(self._client.simulate_post(path, body=body, headers=headers, cookies=self.cookies))

    def _noted(self, answer: testing.Result) -> testing.Result:
        self.cookies |= {name: cookie.value for name, cookie in answer.cookies.items()}
        return answer


def messages(conn: db.Connection, channel: str) -> list[tuple[str, Any]]:
    """What was published on channels that begin like this: events and their data."""
    rows = conn.execute(
        "select event, data from queueapi.messages where starts_with(channel, %s) order by id", [channel]
    ).fetchall()
    return [(row["event"], json.loads(row["data"]) if isinstance(row["data"], str) else row["data"]) for row in rows]
