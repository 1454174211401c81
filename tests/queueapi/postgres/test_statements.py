"""The SQL files: one statement each, named as the verb that runs it, and none that nobody runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import queueapi.postgres
from queueapi.postgres.statements import statement

FOLDER = Path(queueapi.postgres.__file__).parent
VERBS = sorted(path.stem for path in (FOLDER / "sql").iterdir())


def test_every_file_is_run_by_somebody_and_every_verb_that_is_run_has_its_file() -> None:
    code = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    run = set(re.findall(r"""(?:\b_?run|\.copy)\(\s*"(\w+)\"""", code))
    assert run <= set(VERBS)
    named = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', code))  # some verbs are handed on before they are run
    assert set(VERBS) <= named


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_is_one_statement_and_ends_with_a_line_of_its_own(verb: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", verb)
    text = statement(verb)
    assert ";" not in re.sub(r"--.*", "", text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("verb", VERBS)
def test_states_stand_in_the_sql_where_the_partial_indexes_can_see_them(verb: str) -> None:
    assert not re.search(r"state\s*(=|in|<>)\s*\(?%\(", statement(verb))
