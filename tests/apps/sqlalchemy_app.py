"""An application on SQLAlchemy: its models, its session, its jobs."""

from __future__ import annotations

import os
from uuid import UUID, uuid4

from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

from queueapi import Job, around_perform
from queueapi.compat.delayed_job import handle_asynchronously, locate_sqlalchemy
from queueapi.middleware.sqlalchemy import clean_session

sessions = scoped_session(sessionmaker())


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]

    def shout(self, times: int = 1) -> str:
        self.text = self.text.upper() + "!" * times
        sessions.commit()
        return self.text

    @handle_asynchronously(queue="quiet")
    def whisper(self) -> str:
        return self.text.lower()


class Pair(Base):
    __tablename__ = "pairs"

    left: Mapped[int] = mapped_column(primary_key=True)
    right: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)

    def name(self) -> str:
        return f"{self.left} {self.right}"


class AddNote(Job):
    text: str
    fail: bool = False

    def run(self) -> int:
        note = Note(text=self.text)
        sessions.add(note)
        sessions.flush()
        if self.fail:
            raise ValueError("after the flush")
        sessions.commit()
        return note.id


class ReadNote(Job):
    note_id: int

    def run(self) -> str:
        note = sessions.get(Note, self.note_id)
        assert note is not None
        return note.text


class Left(Job):
    """Leaves its transaction open, as jobs do that only read."""

    def run(self) -> int:
        sessions.add(Note(text="left"))
        sessions.flush()
        return os.getpid()


locate_sqlalchemy(Base, sessions)
closed: list[Session] = []

if "SQLALCHEMY_URL" in os.environ:  # in the worker
    sessions.configure(bind=create_engine(os.environ["SQLALCHEMY_URL"], pool_size=2, max_overflow=0, pool_timeout=5))
    around_perform(clean_session(sessions))
event.listen(sessions.session_factory, "after_soft_rollback", lambda session, _: closed.append(session))
