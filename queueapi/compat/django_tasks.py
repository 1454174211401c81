"""A backend for Django's tasks: those of Django 6, or of the package django-tasks before it.

::

    TASKS = {"default": {"BACKEND": "queueapi.compat.django_tasks.QueueAPIBackend", "QUEUES": ["default", "mail"]}}

A task is enqueued on Django's own connection: it exists if and only if the transaction commits, so it needs no
``on_commit``. Django's priority is turned around: there, higher is first. OPTIONS:

``database``: the alias of that connection; None: one of our own. Default: ``default``, if that is PostgreSQL.
``max_attempts``: how often a task is tried. Default 1, as Django's own backends do.

Workers are started with :mod:`queueapi.compat.django_worker`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, ClassVar, Final

from django.db import connections

from queueapi import application
from queueapi.compat.performing import ON_PURPOSE, Judged, current_attempt, is_last
from queueapi.errors import JobNotFound
from queueapi.kinds import Kind, kinds
from queueapi.options import NOTHING
from queueapi.runtime import Runtime
from queueapi.states import State

try:
    from django.tasks import signals
    from django.tasks.backends.base import BaseTaskBackend
    from django.tasks.base import TaskContext, TaskError, TaskResult, TaskResultStatus
    from django.tasks.exceptions import TaskResultDoesNotExist
except ImportError:
    from django_tasks import signals
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import TaskContext, TaskError, TaskResult, TaskResultStatus
    from django_tasks.exceptions import TaskResultDoesNotExist

_POLICY: Final = Judged()
# The tasks of this process, by their paths: they register themselves where they are decorated.
_tasks: Final[dict[str, Any]] = {}

_STATUS: Final = {
    State.RUNNING: TaskResultStatus.RUNNING,
    State.DONE: TaskResultStatus.SUCCESSFUL,
    State.DEAD: TaskResultStatus.FAILED,
    State.CANCELLED: TaskResultStatus.FAILED,
}


@dataclasses.dataclass
class _Performed:
    """A task that was enqueued."""

    path: ClassVar[str]
    args: list[Any]
    kwargs: dict[str, Any]

    def run(self) -> Any:
        attempt = current_attempt()
        task = _tasks[self.path]
        now = dt.datetime.now(dt.UTC)
        facts: dict[str, Any] = {"state": State.RUNNING, "attempt": attempt.attempt, "args": dataclasses.asdict(self)}
        result = _result(task, attempt.id, {**facts, "claimed_at": now})
        backend = type(task.get_backend())
        signals.task_started.send(sender=backend, task_result=result)
        try:
            context = (TaskContext(task_result=result),) if task.takes_context else ()
            returned = task.call(*context, *self.args, **self.kwargs)
        except ON_PURPOSE:
            raise
        except BaseException:
            if is_last(attempt):
                _finished(backend, result, TaskResultStatus.FAILED)
            raise
        _finished(backend, result, TaskResultStatus.SUCCESSFUL)
        return returned


def _finished(backend: type, result: Any, status: Any) -> None:
    object.__setattr__(result, "status", status)
    object.__setattr__(result, "finished_at", dt.datetime.now(dt.UTC))
    signals.task_finished.send(sender=backend, task_result=result)


class QueueAPIBackend(BaseTaskBackend):  # type: ignore[misc]
    """Tasks on our queue. Async ones are refused: a worker runs its jobs in greenlets, of one thread."""

    supports_defer = True
    supports_async_task = False
    supports_get_result = True
    supports_priority = True

    def validate_task(self, task: Any) -> None:
        """Refuse what cannot be run. What can is known from now on."""
        super().validate_task(task)
        if task.module_path not in _tasks:
            _register(task)

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Push it."""
        self.validate_task(task)
        job: Any = kinds.named(task.module_path).cls(list(args), dict(kwargs))
        handle = application.own.push(
            job,
            conn=self._connection(),
            queue=task.queue_name,
            priority=-task.priority,
            run_at=task.run_after,
            max_attempts=self.options.get("max_attempts", 1),
        )
        facts = {"state": State.AVAILABLE, "args": dataclasses.asdict(job), "pushed_at": dt.datetime.now(dt.UTC)}
        result = _result(task, handle.id, facts)
        signals.task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> Any:
        """The task's present state. TaskResultDoesNotExist if there is none, or it is not committed yet."""
        facts = _facts(result_id)
        task = _tasks.get(facts["kind"]) if facts else None
        if facts is None or task is None:
            raise TaskResultDoesNotExist(result_id)
        return _result(task, int(result_id), facts)

    def _connection(self) -> Any:
        alias = self.options.get("database", "default")
        return connections[alias] if alias is not None and connections[alias].vendor == "postgresql" else None


def _register(task: Any) -> None:
    words = {"path": task.module_path, "__module__": task.func.__module__, "__qualname__": task.func.__qualname__}
    job: Any = dataclasses.dataclass(type(task.func.__name__, (_Performed,), words))
    kinds.add(Kind(task.module_path, job, job, NOTHING, _POLICY))
    _tasks[task.module_path] = task


def _facts(result_id: str) -> dict[str, Any] | None:
    backend = application.own.backend()
    if not result_id.isdecimal():
        return None
    if isinstance(backend, Runtime):
        from queueapi.postgres.glance import Glance

        return Glance(backend.pool).job(int(result_id))  # type: ignore[arg-type]
    try:
        status = backend.read(int(result_id))
    except JobNotFound:
        return None
    return None if status is None else {**status._asdict(), "args": {"args": [], "kwargs": {}}}


def _result(task: Any, id_: int, facts: dict[str, Any]) -> Any:
    """What Django shows of a job."""
    begun, error = _time(facts.get("claimed_at")), facts.get("error")
    result: Any = TaskResult(
        task=task,
        id=str(id_),
        status=_STATUS.get(State(facts["state"]), TaskResultStatus.READY),
        enqueued_at=_time(facts.get("pushed_at")),
        started_at=begun,
        last_attempted_at=begun,
        finished_at=_time(facts.get("finished_at")),
        args=facts["args"]["args"],
        kwargs=facts["args"]["kwargs"],
        backend=task.backend,
        errors=[TaskError(exception_class_path=_path(error), traceback=error.get("traceback") or "")] if error else [],
        worker_ids=[facts.get("worker") or "queueapi"] * facts.get("attempt", 0),
    )
    object.__setattr__(result, "_return_value", facts.get("result"))
    return result


def _path(error: dict[str, Any]) -> str:
    """The last line of a traceback begins with the class's full name, unless it is a builtin's."""
    last = (error.get("traceback") or "").strip().rpartition("\n")[2].partition(":")[0]
    name = last if last.endswith(error["type"]) else error["type"]
    return name if "." in name else f"builtins.{name}"


def _time(value: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value
