"""Webhooks of Pusher's protocol: an application is told who comes and goes, by jobs that are tried again.

A worker sends them, so it must know of them: ``queueapi-work longpoll.pusher_webhooks``, beside the application's own
modules, and with LONGPOLL_PUSHER_KEY and LONGPOLL_PUSHER_SECRET in its environment. The secret stands in no job.
"""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from longpoll.dialects.pusher_auth import Keys
from queueapi.errors import QueueAPIError
from queueapi.jobs import Job
from queueapi.postgres.sessions import Borrowed
from queueapi.queues import Queue
from queueapi.runtime import Runtime

# Seconds after each failed attempt. Libraries take nothing that is older than five minutes.
RETRY: Final = (1, 2, 4, 8, 16, 32, 64, 128)
# Seconds that the application may take to answer.
PATIENCE: Final = 10.0

_encode = msgspec.json.Encoder().encode


class WebhookRefused(QueueAPIError):
    """The application has not answered a webhook by 2xx."""


class Webhook(Job, kind="longpoll.pusher_webhook", retry=RETRY):
    """What happened, to be told to one address.

    Attributes:
        key: of the Pusher application that it happened in.
        body: JSON, as it is signed and sent.
    """

    url: str
    key: str
    body: str

    def run(self) -> None:
        """
        Raises:
            WebhookRefused: it was not taken; it will be tried again.
        """
        secret = os.environ.get("LONGPOLL_PUSHER_SECRET", "")
        if os.environ.get("LONGPOLL_PUSHER_KEY") != self.key or not secret:
            raise WebhookRefused(
                f"this worker cannot sign for {self.key}: start it with that application's LONGPOLL_PUSHER_KEY and "
                "LONGPOLL_PUSHER_SECRET"
            )
        body = self.body.encode()
        headers = {
            "Content-Type": "application/json",
            "X-Pusher-Key": self.key,
            "X-Pusher-Signature": Keys(self.key, secret).body(body),
        }
        # Settings have seen to it that it is http or https.
        request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310
        try:
            with _opener.open(request, timeout=PATIENCE) as response:
                status = response.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except OSError as error:
            raise WebhookRefused(f"{self.url} cannot be reached: {error}") from error
        if not 200 <= status < 300:
            raise WebhookRefused(f"{self.url} answered {status} instead of 200")


class Webhooks:
    """Pushes them; true if there is anybody to be told.

    Args:
        key: of the application.
        urls: each is told everything.
    """

    def __init__(self, runtime: Runtime, key: str, urls: Sequence[str]) -> None:
        self._queue = Queue(lambda: runtime)
        self._key = key
        self._urls = urls

    def __bool__(self) -> bool:
        return bool(self._urls)

    def push(self, inside: Borrowed, events: Sequence[Mapping[str, object]]) -> None:
        """Tell of these, if and only if the transaction commits."""
        if not self._urls or not events:
            return
        body = _encode({"time_ms": round(time.time() * 1000), "events": events}).decode()
        for url in self._urls:
            self._queue.push(Webhook(url, self._key, body), conn=inside.connection)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is sent on arrives as a GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)
