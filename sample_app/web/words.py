"""A job's state in words for people. Pure. ``static/words.js`` says the same; a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FINAL = frozenset({"done", "dead", "cancelled"})


@dataclass(frozen=True)
class Words:
    """What a page shows of a job.

    ``tone`` is one of waiting, running, trouble, done, failed: it chooses a colour and says nothing that the words
    do not. ``value`` and ``maximum`` are the progress bar's; without a maximum it shows that something is going on.
    """

    state: str
    sentence: str
    tone: str
    value: float | None
    maximum: float | None
    final: bool


def describe(status: Mapping[str, Any], now: datetime) -> Words:
    """Words for what ``queueapi``'s ``Handle.status()`` returned. ``now`` has a timezone."""
    state, sentence, tone = _say(status, now)
    value, maximum = _bar(status)
    return Words(state, sentence, tone, value, maximum, status["state"] in FINAL)


def gone(sentence: str) -> Words:
    """Words for a job of which nothing is known any more."""
    return Words("Unknown", sentence, "failed", 0, 1, True)


def _say(status: Mapping[str, Any], now: datetime) -> tuple[str, str, str]:
    state, attempt, most = status["state"], status["attempt"], status["max_attempts"]
    error = status.get("error")
    if state == "available":
        return "Waiting", "Waiting for a worker.", "waiting"
    if state == "running":
        which = f"Try {attempt} of {most}: " if attempt > 1 else ""
        return "Running", which + _progress(status.get("progress")), "running"
    if state == "scheduled" and error:
        return "Failed for now", f"{_tried(attempt, error)} {_when('Next try', status.get('run_at'), now)}", "trouble"
    if state == "scheduled":
        return "Planned", _when("Starts", status.get("run_at"), now), "waiting"
    if state == "done":
        return "Done", _result(status.get("result")), "done"
    if state == "cancelled":
        return "Cancelled", "It was taken back before it ran.", "failed"
    return "Failed", f"{_tried(attempt, error)} It will not be tried again.", "failed"


def _progress(progress: Mapping[str, Any] | None) -> str:
    if not progress:
        return "A worker has begun."
    if progress.get("message"):
        sentence = _sentence(str(progress["message"]))
        return sentence[:1].upper() + sentence[1:]
    if progress.get("total"):
        return f"{_number(progress['done'])} of {_number(progress['total'])}."
    return f"{_number(progress['done'])} so far."


def _result(result: Any) -> str:
    """The numbers in a job's result: the answer travels with the news."""
    numbers = [
        f"{name} {_number(value)}"
        for name, value in (result.items() if isinstance(result, Mapping) else ())
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return f"Everything is done: {', '.join(numbers)}." if numbers else "Everything is done."


def _tried(attempt: int, error: Mapping[str, Any] | None) -> str:
    times = {1: "once", 2: "twice"}.get(attempt, f"{attempt} times")
    message = str((error or {}).get("message") or (error or {}).get("type") or "it did not say why")
    return f"Tried {times}: {_sentence(message)}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def _when(what: str, run_at: str | None, now: datetime) -> str:
    if not run_at:
        return f"{what} soon."
    seconds = int((datetime.fromisoformat(run_at) - now).total_seconds() + 0.999)
    if seconds <= 0:
        return f"{what} at any moment."
    if seconds < 100:
        return f"{what} in {seconds} s."
    return f"{what} in {(seconds + 59) // 60} minutes."


def _bar(status: Mapping[str, Any]) -> tuple[float | None, float | None]:
    if status["state"] == "done":
        return 1, 1
    progress = status.get("progress")
    if progress and progress.get("total"):
        return min(progress["done"], progress["total"]), progress["total"]
    if status["state"] == "running":
        return None, None
    return 0, 1


def _number(value: float) -> str:
    return f"{value:,.0f}"
