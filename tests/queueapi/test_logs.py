"""The form of the logs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

PROGRAM = """
import logging, sys
from queueapi.logs import configure
{before}
configure("worker 1", sys.argv[1] == "verbose", sys.argv[2])
logging.info("two\\nlines", extra={{"fields": {{"job": 7}}}})
logging.debug("small fry")
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("it failed")
"""


@pytest.fixture
def logged(python: Callable[..., str]) -> Callable[..., str]:
    """What a process logs."""

    def run(*words: str, before: str = "") -> str:
        return python("import sys; sys.stderr = sys.stdout\n" + PROGRAM.format(before=before), *words)

    return run


@pytest.mark.system
def test_text_is_for_people(logged: Callable[..., str]) -> None:
    first, second, *rest = logged("quiet", "text").splitlines()
    assert first.endswith("Z INFO    worker 1: two")
    assert second == "lines"
    assert rest[0].endswith("Z ERROR   worker 1: it failed")
    assert rest[-1] == "ZeroDivisionError: division by zero"
    assert "DEBUG   worker 1: small fry" in logged("verbose", "text")


@pytest.mark.system
def test_json_is_an_object_a_line_with_what_is_known_by_name(logged: Callable[..., str]) -> None:
    said, failed = map(json.loads, logged("quiet", "json").splitlines())
    assert {name: said[name] for name in ("level", "process", "logger", "message", "job")} == {
        "level": "info", "process": "worker 1", "logger": "root", "message": "two\nlines", "job": 7,
    }  # fmt: skip
    assert failed["level"] == "error"
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.system
def test_an_application_that_has_set_up_logging_itself_keeps_it(logged: Callable[..., str]) -> None:
    said = logged("quiet", "json", before="logging.basicConfig(format='mine %(message)s', level='INFO')")
    assert said.startswith("mine two\nlines\nmine it failed")
