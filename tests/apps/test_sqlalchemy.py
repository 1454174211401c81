"""With SQLAlchemy 2: pushes in a session's transaction, models by reference, and sessions that no job inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy_app as app
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from queueapi import (
    JobCancelled,
    NotAConnection,
    NotSerializable,
    Queue,
    SettingsError,
    SynchronousQueue,
    around_perform,
    around_push,
    configure,
)
from queueapi.claims import Claimed
from queueapi.compat.delayed_job import delay
from queueapi.middleware.sqlalchemy import clean_session

Burst = Callable[..., str]


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    app.Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    app.sessions.remove()
    app.sessions.configure(bind=engine)
    app.closed.clear()
    yield app.sessions()
    app.sessions.remove()


class TestPushInASession:
    def test_the_job_exists_when_the_session_commits(self, session: Session, queue: Queue) -> None:
        note = app.Note(text="hi")
        session.add(note)
        session.flush()
        handle = queue.push(app.ReadNote(note.id), session=session)
        assert queue.empty()
        session.commit()
        assert (queue.size(), handle.state()) == (1, "available")

    def test_it_does_not_when_the_session_rolls_back(self, session: Session, queue: Queue) -> None:
        queue.push(app.ReadNote(1), session=session)
        queue.push_all([app.ReadNote(2), app.ReadNote(3)], session=session)
        session.rollback()
        assert queue.empty()

    def test_a_savepoint_takes_it_back_alone(self, session: Session, queue: Queue) -> None:
        queue.push(app.ReadNote(1), session=session)
        with session.begin_nested() as savepoint:
            queue.push(app.ReadNote(2), session=session)
            savepoint.rollback()
        session.commit()
        assert queue.jobs == [app.ReadNote(1)]

    def test_a_scoped_session_and_a_connection_will_do(self, session: Session, engine: Engine, queue: Queue) -> None:
        queue.push(app.ReadNote(1), session=app.sessions)
        app.sessions.commit()
        with engine.begin() as connection:
            queue.push(app.ReadNote(2), session=connection)
            queue.push(app.ReadNote(3), conn=connection)
        assert queue.size() == 3

    def test_many_are_one_transaction_too(self, session: Session, queue: Queue) -> None:
        queue.push_all((app.ReadNote(number) for number in range(2500)), session=session)
        assert queue.empty()
        session.commit()
        assert queue.size() == 2500

    def test_special_jobs_are_pushed_so_too(self, session: Session, queue: Queue) -> None:
        queue.push(app.ReadNote(1), session=session, unique=True, expires_in=60)
        queue.push(app.ReadNote(1), session=session, unique=True)
        session.commit()
        assert queue.size() == 1

    def test_the_wake_up_goes_with_the_commit_and_the_sessions_own_work_goes_on(
        self, session: Session, queue: Queue
    ) -> None:
        queue.push(app.ReadNote(1), session=session)
        session.add(app.Note(text="after"))
        session.commit()
        assert [note.text for note in session.query(app.Note)] == ["after"]

    def test_what_is_no_session_is_refused(self, session: Session, queue: Queue) -> None:
        with pytest.raises(NotAConnection, match=r"not builtins\.int"):
            queue.push(app.ReadNote(1), session=7)
        with pytest.raises(NotAConnection, match="sync_session"):
            queue.push(app.ReadNote(1), session=AsyncSession())
        with pytest.raises(SettingsError, match="give one"):
            queue.push(app.ReadNote(1), session=session, conn=session.connection())
        assert queue.empty()

    def test_another_driver_is_refused_by_name(self, queue: Queue) -> None:
        with create_engine("sqlite://").connect() as connection, pytest.raises(NotAConnection, match="sqlite3"):
            queue.push(app.ReadNote(1), session=connection)

    def test_middleware_around_the_push_sees_it_in_the_transaction(self, session: Session, queue: Queue) -> None:
        seen: list[int] = []

        @around_push
        def look(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            handle = push(priority=3)
            seen.append(handle.id)
            return handle

        handle = queue.push(app.ReadNote(1), session=session)
        session.rollback()
        assert (seen, queue.size()) == ([handle.id], 0)


class TestCleanSession:
    @pytest.fixture(autouse=True)
    def synchronous(self, queue: Queue, session: Session) -> None:
        configure(SynchronousQueue())

    def test_what_a_job_left_open_is_rolled_back(self, session: Session, queue: Queue) -> None:
        around_perform(clean_session(app.sessions))
        queue.push(app.Left())
        assert app.sessions() is not session
        assert app.sessions.query(app.Note).count() == 0

    def test_or_committed_if_asked_for(self, session: Session, queue: Queue) -> None:
        around_perform(clean_session(app.sessions, commit=True))
        queue.push(app.Left())
        assert app.sessions.query(app.Note).count() == 1

    def test_what_a_failed_job_did_is_rolled_back(self, session: Session, queue: Queue) -> None:
        around_perform(clean_session(app.sessions, commit=True))
        with pytest.raises(ValueError, match="after the flush"):
            queue.push(app.AddNote("x", fail=True))
        assert app.sessions.query(app.Note).count() == 0

    def test_the_next_job_works_with_a_session_of_its_own(self, session: Session, queue: Queue) -> None:
        seen: list[Session] = []

        def note(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            try:
                return call()
            finally:
                seen.append(app.sessions())

        around_perform(clean_session(app.sessions))
        around_perform(note)
        queue.push(app.AddNote("a"))
        queue.push(app.AddNote("b"))
        assert seen[0] is not seen[1]


class TestModels:
    @pytest.fixture(autouse=True)
    def synchronous(self, queue: Queue, session: Session) -> None:
        configure(SynchronousQueue())

    def test_a_model_goes_by_its_primary_key(self, session: Session) -> None:
        note = app.Note(text="hi")
        session.add(note)
        session.commit()
        assert delay(note).shout(2).result() == "HI!!"
        session.refresh(note)
        assert note.text == "HI!!"

    def test_a_key_of_several_parts_and_a_uuid_come_back(self, session: Session) -> None:
        pair = app.Pair(left=3)
        session.add(pair)
        session.commit()
        assert delay(pair).name().result() == f"3 {pair.right}"

    def test_an_object_without_a_key_is_refused(self, session: Session) -> None:
        note = app.Note(text="hi")
        session.add(note)
        with pytest.raises(NotSerializable, match="flush the session first"):
            delay(note).shout()

    def test_a_record_deleted_meanwhile_discards_the_job(self, session: Session, queue: Queue) -> None:
        note = app.Note(text="hi")
        session.add(note)
        session.commit()
        from queueapi import TestQueue

        test_queue = TestQueue()
        configure(test_queue)
        handle = delay(note).shout()
        id_ = note.id
        session.delete(note)
        session.commit()
        test_queue.drain()
        with pytest.raises(JobCancelled, match=f"Note {id_} is gone"):
            handle.result()


@pytest.mark.system
def test_a_real_worker_runs_them_and_keeps_no_session(
    session: Session, queue: Queue, url: str, burst: Burst
) -> None:
    note = app.Note(text="Hi")
    session.add(note)
    session.flush()
    called = delay(note, session=session).shout()
    whispered = note.whisper()  # not in the transaction, but the worker starts after the commit
    read = queue.push(app.ReadNote(note.id), session=session, delay=0)
    session.commit()
    # Two connections: a job that kept its own would leave none for the tenth.
    left = [queue.push(app.Left()) for _ in range(10)]
    burst("sqlalchemy_app", "-q", "quiet", "-q", "default", SQLALCHEMY_URL=url)
    assert called.result() == "HI!"
    assert whispered.result() in ("hi", "hi!")
    assert read.result() in ("Hi", "HI!")
    assert all(isinstance(handle.result(), int) for handle in left)
    session.expire_all()
    assert session.query(app.Note).count() == 1
