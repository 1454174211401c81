"""The tables of ``queueapi status``."""

from __future__ import annotations

from queueapi.tables import queues_table, workers_table


def test_queues_show_their_jobs_by_state_and_how_long_the_oldest_waits() -> None:
    counts = [
        ("mail", "available", 1200, 90.0),
        ("mail", "running", 3, 4000.0),
        ("default", "done", 5, None),
        ("default", "dead", 1, None),
    ]
    assert queues_table(counts).splitlines() == [
        "queue    scheduled  available  blocked  running  done  dead  cancelled  oldest waits",
        "default          0          0        0        0     5     1          0             –",
        "mail             0      1,200        0        3     0     0          0       1.5 min",
    ]


def test_workers_show_what_they_serve_how_busy_they_are_and_whether_they_live() -> None:
    workers = [("host:1", ["mail", "default"], 20, 7200.0, 3.0, 7), ("host:2", ["mail"], 5, 86_400.0, 45.0, 0)]
    assert workers_table(workers).splitlines() == [
        "worker  queues            busy     up  alive",
        "host:1  mail, default  7 of 20  2.0 h  yes",
        "host:2  mail            0 of 5  1.0 d  silent for 45.0 s",
    ]


def test_nothing_to_show_is_said_in_words_with_what_to_do() -> None:
    assert queues_table([]) == "no jobs yet"
    assert "queueapi-work MODULE" in workers_table([])
