"""The tables of ``queueapi status`` and its like, in plain lines."""

from __future__ import annotations

from queueapi.records import JobStatus
from queueapi.states import State
from queueapi.tables import Table, dead_table, job_lines, queues_table, running_table, workers_table

COUNTS = [
    ("mail", "available", 1200, 90.0, False),
    ("mail", "running", 3, 4000.0, False),
    ("default", "done", 5, None, False),
    ("default", "dead", 1, None, False),
]


def lines(table: Table) -> list[str]:
    return str(table).splitlines()


def test_queues_show_their_jobs_by_state_and_how_long_the_oldest_waits() -> None:
    assert lines(queues_table(COUNTS)) == [
        "queue    available  running  done  dead  latency",
        "default          0        0     5     1        –",
        "mail         1,200        3     0     0  1.5 min",
    ]


def test_rarer_states_have_a_column_when_there_is_a_job_in_them() -> None:
    rarer = [("mail", "blocked", 7, None, False), ("mail", "scheduled", 2, None, False)]
    assert lines(queues_table([*COUNTS, *rarer])) == [
        "queue    scheduled  available  blocked  running  done  dead  latency",
        "default          0          0        0        0     5     1        –",
        "mail             2      1,200        7        3     0     0  1.5 min",
    ]


def test_what_was_not_counted_to_the_end_says_so_in_every_queue() -> None:
    assert lines(queues_table([*COUNTS, ("default", "done", 99_998, None, True)])) == [
        "queue    available  running     done  dead  latency",
        "default          0        0  99,998+     1        –",
        "mail         1,200        3       0+     0  1.5 min",
    ]


def test_a_paused_queue_says_so_also_when_it_is_empty() -> None:
    assert [line.split("  ")[0] for line in lines(queues_table(COUNTS, ["mail", "old"]))[1:]] == [
        "default", "mail (paused)", "old (paused)",
    ]  # fmt: skip


def test_workers_show_what_they_serve_how_busy_they_are_and_whether_they_live() -> None:
    workers = [("host:1", ["mail=2", "!x"], 20, 7200.0, 3.0, 7), ("host:2", ["mail"], 5, 86_400.0, 45.0, 0)]
    assert lines(workers_table(workers)) == [
        "worker  queues        busy     up  alive",
        "host:1  mail=2 !x  7 of 20  2.0 h  yes",
        "host:2  mail        0 of 5  1.0 d  silent for 45.0 s",
    ]


def test_what_runs_shows_how_far_it_is() -> None:
    running = [
        (7, "app.Import", "default", 1, 25, "host:1", 61.0, 40.0, 100.0, "rows"),
        (8, "app.Import", "default", 1, 25, "host:1", 2.0, 40.0, None, None),
        (9, "app.Mail", "mail", 2, 25, None, 1.0, None, None, None),
        (10, "app.Mail", "mail", 2, 25, None, 1.0, 7.0, 5.0, "more\x1b[2J than\nall"),
    ]
    assert lines(running_table(running)) == [
        "job  kind        queue    attempt  runs for  progress",
        "  7  app.Import  default  1 of 25   1.0 min  ━━━━╌╌╌╌╌╌  40%  rows",
        "  8  app.Import  default  1 of 25     2.0 s  40",
        "  9  app.Mail    mail     2 of 25     1.0 s  –",
        " 10  app.Mail    mail     2 of 25     1.0 s  ━━━━━━━━━━ 100%  more [2J than all",
    ]


def test_nothing_to_show_is_said_in_words_with_what_to_do() -> None:
    assert str(queues_table([])) == "no jobs yet"
    assert "queueapi-work MODULE" in str(workers_table([]))


def test_a_cause_is_one_line() -> None:
    error = {"type": "OSError", "message": "two\nlines" + "x" * 200}
    job = JobStatus(7, "mail.Send", "mail", State.DEAD, 3, 3, None, None, error, None)
    (_, line) = lines(dead_table([job]))
    assert line.startswith(" 7  mail   mail.Send    3 of 3  OSError: two linesxxx")
    assert line.endswith("x…")


def test_a_job_is_shown_in_full_and_what_it_said_cannot_move_a_cursor() -> None:
    job = {
        "id": 7, "kind": "mail.Send", "state": "dead", "limit_keys": ["tenant:1"], "args": {"to": "a"},
        "error": {"type": "OSError", "message": "no\nroute", "traceback": "Traceback:\n  File\x1b[2J\nOSError: no"},
    }  # fmt: skip
    assert list(job_lines(job)) == [
        "id          7",
        "kind        mail.Send",
        "state       dead",
        'limit_keys  ["tenant:1"]',
        'args        {"to":"a"}',
        "error       OSError: no route",
        "",
        "Traceback:",
        "  File [2J",
        "OSError: no",
    ]
