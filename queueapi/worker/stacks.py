"""What every greenlet of a process is doing, in words: for the person who wonders why nothing happens."""

from __future__ import annotations

import gc
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from types import FrameType
from typing import NamedTuple

from greenlet import getcurrent, greenlet

from queueapi.claims import Claimed


class Busy(NamedTuple):
    """A slot that runs a job, in that greenlet, since that time of the monotonic clock."""

    slot: int
    job: Claimed
    runner: greenlet | None
    since: float


def describe(busy: Iterable[Busy], here: FrameType | None) -> str:
    """The stacks, those of jobs first.

    Args:
        here: what the present greenlet was interrupted in: its own stack is ours by now.
    """
    lines: list[str] = []
    told = {id(getcurrent().parent)}
    for slot, job, runner, since in sorted(busy, key=lambda one: one.slot):
        told.add(id(runner))
        lines.append(
            f"slot {slot}: job {job.id} ({job.kind}), attempt {job.attempt} of {job.max_attempts}, "
            f"for {time.monotonic() - since:.1f} s"
        )
        lines.append(_stack(runner, here))
    alike: dict[str, list[str]] = {}
    for one in [one for one in gc.get_objects() if isinstance(one, greenlet)]:
        if id(one) not in told and not one.dead and (stack := _stack(one, here)):
            alike.setdefault(stack, []).append(type(one).__name__)
    for stack, names in alike.items():
        lines.append(f"{len(names)} greenlets" if len(names) > 1 else f"a greenlet ({names[0]})")
        lines.append(stack)
    return "\n".join([*(lines or ["no slot is busy"]), *_threads()])


def _stack(one: greenlet | None, here: FrameType | None) -> str:
    frame = here if one is getcurrent() else getattr(one, "gr_frame", None)
    return "".join(traceback.format_stack(frame)).rstrip() if frame else ""


def _threads() -> list[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = []
    for ident, frame in sys._current_frames().items():
        if frame is not sys._getframe() and not _within(frame, sys._getframe()):
            lines.append(f"a thread ({names.get(ident, ident)})")
            lines.append("".join(traceback.format_stack(frame)).rstrip())
    return lines


def _within(frame: FrameType, inner: FrameType | None) -> bool:
    while inner is not None:
        if inner is frame:
            return True
        inner = inner.f_back
    return False
