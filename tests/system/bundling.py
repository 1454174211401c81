"""Jobs of batches for real workers: pieces of which some add a few more, and callbacks that note what they see."""

from __future__ import annotations

import os
import time

import psycopg

import queueapi
from queueapi import Job

TABLE = """
create table called (name text not null, batch bigint not null, left_over bigint not null, figures json not null,
                     at timestamptz not null default clock_timestamp())
"""
_NOTE = """
insert into called (name, batch, left_over, figures)
select %(name)s, %(batch)s, (select count(*) from queueapi.jobs where batch_id = %(batch)s), %(figures)s
"""


class Piece(Job):
    """One in a hundred adds another to its batch, once."""

    n: int

    def run(self) -> int:
        time.sleep(0.005)
        batch = queueapi.batch()
        assert batch is not None
        if self.n % 100 == 0:
            batch.push(Piece(self.n + 1_000_001), unique="n", unique_for=600)
        return self.n


class Called(Job, queue="callbacks"):
    """Notes who it is, and what is left of the batch that has ended."""

    name: str

    def run(self) -> None:
        figures = queueapi.previous()
        text = str(figures).replace("'", '"')
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
            connection.execute(_NOTE, {"name": self.name, "batch": int(figures["id"]), "figures": text})


class Link(Job):
    """One of a chain: passes on what it was given, and itself."""

    n: int

    def run(self) -> list[int]:
        return [*(queueapi.previous() or []), self.n]
