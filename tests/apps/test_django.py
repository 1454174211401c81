"""With Django: pushes in its transactions, models by reference, its tasks, and jobs that are treated as requests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import conninfo

from queueapi import JobCancelled, NotSerializable, Queue, State, SynchronousQueue, TestQueue, around_perform, configure
from queueapi.compat.delayed_job import delay

pytest.importorskip("django")
os.environ["DJANGO_SETTINGS_MODULE"] = "django_shop.settings"
import django

django.setup()
from django.db import connection, transaction  # noqa: E402
from django.utils import translation  # noqa: E402
from django_shop import tasks  # noqa: E402
from django_shop.models import Order  # noqa: E402

from longpoll.log import Channels  # noqa: E402
from queueapi.middleware.django import like_a_request  # noqa: E402
from queueapi.runtime import Runtime  # noqa: E402
from queueapi.settings import Settings  # noqa: E402

try:
    from django.tasks import TaskResultStatus, signals
    from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist
except ImportError:  # before Django 6
    from django_tasks import TaskResultStatus, signals
    from django_tasks.exceptions import InvalidTaskError as InvalidTask
    from django_tasks.exceptions import TaskResultDoesNotExist


@pytest.fixture(autouse=True)
def database(dsn: str, queue: Queue) -> Iterator[None]:
    """Django's own connection, to the database of the test."""
    parts = conninfo.conninfo_to_dict(dsn)
    connection.close()
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    connection.settings_dict.update({key: str(parts.get(name, "")) for key, name in names.items()})
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    yield
    connection.close()


class TestTransactions:
    def test_a_job_exists_when_the_transaction_commits(self, queue: Queue) -> None:
        with transaction.atomic():
            handle = queue.push(tasks.Count(), conn=connection)
            assert queue.empty()
        assert handle.state() is State.AVAILABLE

    def test_it_does_not_when_it_rolls_back(self, queue: Queue) -> None:
        with transaction.atomic():
            queue.push(tasks.Count(), conn=connection)
            transaction.set_rollback(True)
        assert queue.empty()

    def test_an_inner_block_takes_back_its_own(self, queue: Queue) -> None:
        with transaction.atomic():
            queue.push(tasks.Count("de"), conn=connection)
            with transaction.atomic():
                queue.push(tasks.Count("ru"), conn=connection)
                transaction.set_rollback(True)
        assert queue.jobs == [tasks.Count("de")]

    def test_on_commit_pushes_when_it_is_time(self, queue: Queue) -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: queue.push(tasks.Count()))
            assert queue.empty()
        assert queue.size() == 1

    def test_without_a_transaction_it_is_there_at_once(self, queue: Queue) -> None:
        connection.close()  # and the first use of a connection may be a push
        queue.push(tasks.Count(), conn=connection)
        queue.push_all([tasks.Count(), tasks.Count()], conn=connection)
        assert queue.size() == 3

    def test_a_message_is_published_when_the_transaction_commits(self, dsn: str) -> None:
        runtime = Runtime(Settings(database_url=dsn))
        channels = Channels(lambda: runtime)
        with transaction.atomic():
            channels["news"].trigger("said", 1, conn=connection)
            with transaction.atomic():
                channels["news"].trigger("said", 2, conn=connection)
                transaction.set_rollback(True)
            assert channels["news"].history().messages == []
        assert [message.data for message in channels["news"].history().messages] == [1]
        runtime.pool.close()


class TestModels:
    def test_a_model_goes_by_its_primary_key(self) -> None:
        configure(SynchronousQueue())
        order = Order.objects.create(text="tea")
        assert delay(order).confirm(by="post").result() == "tea, confirmed by post"
        order.refresh_from_db()
        assert order.text == "tea, confirmed by post"

    def test_a_method_of_a_model_may_be_handled_asynchronously(self) -> None:
        configure(SynchronousQueue())
        order = Order.objects.create(text="tea")
        assert order.remind().result() == "reminded of tea"

    def test_what_is_not_saved_is_refused(self, queue: Queue) -> None:
        with pytest.raises(NotSerializable, match=r"save\(\) it first"):
            delay(Order(text="tea")).confirm()
        assert queue.empty()

    def test_a_record_deleted_meanwhile_discards_the_job(self) -> None:
        queue = TestQueue()
        configure(queue)
        order = Order.objects.create(text="tea")
        handle, key = delay(order).confirm(), order.pk
        order.delete()
        queue.drain()
        with pytest.raises(JobCancelled, match=f"Order {key} is gone"):
            handle.result()

    def test_it_exists_with_the_transaction(self, queue: Queue) -> None:
        with transaction.atomic():
            order = Order.objects.create(text="tea")
            delay(order, conn=connection).confirm()
            transaction.set_rollback(True)
        assert queue.empty()


class TestLikeARequest:
    def test_no_job_inherits_a_language(self) -> None:
        around_perform(like_a_request)
        queue = SynchronousQueue()
        with translation.override("de"):
            assert queue.push(tasks.Count("ru")).result()[1] != "ru"
            assert queue.push(tasks.Count()).result()[1] != "ru"
            assert translation.get_language() == "de"

    def test_a_broken_connection_is_replaced(self) -> None:
        around_perform(like_a_request)
        connection.ensure_connection()
        connection.connection.close()
        connection.errors_occurred = True
        assert SynchronousQueue().push(tasks.Count()).result()[0] == 0


class TestTasks:
    def test_a_task_is_a_job_of_its_own_kind_with_its_queue_and_priority(self, queue: Queue, dsn: str) -> None:
        result = tasks.add.enqueue(1, b=2)
        assert (result.status, result.args, result.kwargs) == (TaskResultStatus.READY, [1], {"b": 2})
        with connection.cursor() as cursor:
            cursor.execute("select kind, queue, priority, max_attempts from queueapi.jobs")
            assert cursor.fetchall() == [("django_shop.tasks.add", "mail", -10, 1)]

    def test_it_exists_when_the_transaction_commits(self, queue: Queue) -> None:
        with transaction.atomic():
            result = tasks.add.enqueue(1)
            with pytest.raises(TaskResultDoesNotExist):
                tasks.add.get_result(result.id)
        assert tasks.add.get_result(result.id).status == TaskResultStatus.READY
        with transaction.atomic():
            tasks.add.enqueue(2)
            transaction.set_rollback(True)
        assert queue.size() == 1

    def test_run_after_and_using_are_honoured(self, queue: Queue) -> None:
        import datetime as dt

        later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        tasks.add.using(run_after=later, priority=-5, queue_name="default").enqueue(1)
        with connection.cursor() as cursor:
            cursor.execute("select queue, priority, run_at, state from queueapi.jobs")
            assert cursor.fetchall() == [("default", 5, later, "scheduled")]

    def test_an_unknown_queue_is_refused(self) -> None:
        with pytest.raises(InvalidTask, match="nowhere"):
            tasks.add.using(queue_name="nowhere")

    def test_what_is_not_json_is_refused(self, queue: Queue) -> None:
        with pytest.raises(TypeError):
            tasks.add.enqueue(object())
        assert queue.empty()

    def test_an_unknown_result_is_said_to_be_none(self) -> None:
        for id_ in ("999999", "x"):
            with pytest.raises(TaskResultDoesNotExist):
                tasks.add.get_result(id_)


@pytest.mark.system
def test_a_real_worker_runs_tasks_and_jobs(queue: Queue, burst: Callable[..., str]) -> None:
    order = Order.objects.create(text="tea")
    added, failed, asked = tasks.add.enqueue(1, b=2), tasks.fail.enqueue("oh"), tasks.which.enqueue()
    thrice = tasks.fail_thrice.enqueue()
    counted, confirmed = queue.push(tasks.Count("ru")), delay(order).confirm()
    words = ("queueapi.compat.django_worker", "-q", "mail", "-q", "default")
    said = burst(*words, DJANGO_SETTINGS_MODULE="django_shop.settings")
    for result in (added, failed, asked, thrice):
        result.refresh()
    assert (added.status, added.return_value, added.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 1), said
    assert added.enqueued_at <= added.started_at <= added.finished_at
    assert failed.status == TaskResultStatus.FAILED
    assert failed.errors[0].exception_class is tasks.Lost
    assert "Lost: oh" in failed.errors[0].traceback
    assert asked.return_value == [asked.id, 1]
    assert (thrice.status, thrice.attempts) == (TaskResultStatus.READY, 1)
    assert thrice.errors[0].exception_class is ValueError
    assert counted.result()[0] == 1
    assert confirmed.result() == "tea, confirmed by mail"


def test_signals_are_sent(queue: Queue) -> None:
    seen: list[Any] = []

    def note(sender: Any, task_result: Any, signal: Any, **_: Any) -> None:
        seen.append((signal, task_result.status))

    every = (signals.task_enqueued, signals.task_started, signals.task_finished)
    for signal in every:
        signal.connect(note)
    try:
        configure(SynchronousQueue())
        tasks.add.enqueue(1)
        with pytest.raises(tasks.Lost):
            tasks.fail.enqueue("oh")
    finally:
        for signal in every:
            signal.disconnect(note)
    R, S, F = TaskResultStatus.RUNNING, TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED
    assert [status for _, status in seen] == [R, S, TaskResultStatus.READY, R, F]
