"""Flask: every attempt in an application context of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.middleware.chain import AroundPerform, around_hooks


def app_context(app: Any) -> AroundPerform:
    """``around_perform(app_context(app))``: what teardown functions clean up is cleaned up after each attempt.

    Args:
        app: the application, or the factory that makes it at the first job.
    """
    made: list[Any] = [app] if hasattr(app, "app_context") else []

    @around_hooks
    def in_app_context(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
        if not made:
            made.append(app())
        with made[0].app_context():
            return call()

    return in_app_context
