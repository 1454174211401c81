"""What a job says of its progress, made fit to be stored."""

from __future__ import annotations

import math

from queueapi.claims import Claimed
from queueapi.records import Progress
from queueapi.reporting import Reporter


def progress_of(claimed: Claimed, reporter: Reporter) -> Progress:
    """How far the attempt is, as the job has said. Whatever that was: progress is never a reason to fail."""
    message = None if reporter.message is None else _text(reporter.message)
    done, total = _number(reporter.done) or 0.0, _number(reporter.total)
    return Progress(claimed.id, claimed.token, done, total, message, reporter.cursor)


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except Exception:  # it may be an object of the job's own
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    try:
        text = str(value)[:1000]
    except Exception:
        return "(a message that could not be read)"
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
