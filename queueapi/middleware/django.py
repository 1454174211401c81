"""Django: what a request does to connections, languages and time zones, around every attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.middleware.chain import around_hooks


@around_hooks
def like_a_request(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
    """``around_perform(like_a_request)``.

    Database connections that are broken or too old are closed before and after, as between two requests, and no
    language or time zone that a job activates is there for the next. Call ``django.setup()`` in the module that the
    worker imports.
    """
    from django import db
    from django.utils import timezone, translation

    db.reset_queries()
    db.close_old_connections()
    try:
        with translation.override(None), timezone.override(None):
            return call()
    finally:
        db.close_old_connections()
