"""SQLAlchemy: a session for every attempt, and none left over for the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.middleware.chain import AroundPerform, around_hooks


def clean_session(session: Any, commit: bool = False) -> AroundPerform:
    """``around_perform(clean_session(Session))``: after each attempt the session is rolled back and removed.

    In a worker, jobs run in greenlets, each of which is a thread to a ``scoped_session``: without this, each leaves
    its session with an open transaction behind.

    Args:
        session: a ``scoped_session``.
        commit: when the job has returned, commit what it left open. Otherwise jobs commit by themselves.
    """

    @around_hooks
    def in_clean_session(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
        try:
            result = call()
            if commit:
                session.commit()
            return result
        finally:
            session.remove()  # closes it, which rolls back

    return in_clean_session
