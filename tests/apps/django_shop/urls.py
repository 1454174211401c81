"""Its one page."""

from __future__ import annotations

import os

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

from queueapi import queue

from . import tasks


def push(request: HttpRequest) -> JsonResponse:
    with transaction.atomic():
        handle = queue.push(tasks.Count(), conn=connection)
    return JsonResponse({"id": handle.id, "pid": os.getpid()})


urlpatterns = [path("push", push)]
