"""Its tasks and jobs."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from queueapi import Job

from .models import Order

try:
    from django.tasks import task
except ImportError:  # before Django 6
    from django_tasks import task


class Lost(Exception):
    pass


@task(queue_name="mail", priority=10)
def add(a: int, b: int = 1) -> int:
    return a + b


@task()
def fail(text: str) -> None:
    raise Lost(text)


@task(backend="stubborn")
def fail_thrice() -> None:
    raise ValueError


@task(takes_context=True)
def which(context: Any) -> list[Any]:
    return [context.task_result.id, context.attempt]


class Count(Job):
    language: str = ""

    def run(self) -> list[Any]:
        before = translation.get_language()
        if self.language:
            translation.activate(self.language)
        return [Order.objects.count(), before]
