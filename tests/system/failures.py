"""Jobs that fail in every way that a job can say, for test_failures.py and the workers that it starts."""

from __future__ import annotations

from pathlib import Path

from queueapi import Discard, Job, Snooze


class GoneError(LookupError):
    pass


class Told(Job, kind="failures.told", retry_on={OSError: [0.1]}, discard_on=GoneError, max_attempts=2):
    """Raises what it is told, until its file is there; its hooks write down that they were called."""

    error: str
    notes: str

    def run(self) -> str:
        if Path(self.notes, "mended").exists():
            return "mended"
        raise {"OSError": OSError, "ValueError": ValueError, "GoneError": GoneError}[self.error](self.error)

    def on_retry(self, error: BaseException, delay: float) -> None:
        self.note(f"retry {error} {delay}")

    def on_dead(self, error: BaseException) -> None:
        self.note(f"dead {error}")
        raise RuntimeError("a hook that fails")

    def note(self, text: str) -> None:
        with Path(self.notes, self.error).open("a") as file:
            file.write(f"{text}\n")


class Says(Job, kind="failures.says", max_attempts=1):
    """Puts itself off until its file is there, and then discards itself."""

    notes: str

    def run(self) -> None:
        if not Path(self.notes, "late").exists():
            raise Snooze(0.1)
        raise Discard("the record is gone")
