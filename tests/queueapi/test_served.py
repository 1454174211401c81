"""The words that say which queues a worker serves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from queueapi.errors import SettingsError
from queueapi.served import Served, Serving, words

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("mail", Served("mail")),
        ("mail=3", Served("mail", 3)),
        ("*", Served("*")),
        ("mail_*=2", Served("mail_*", 2)),
        ("!mail_slow", Served("mail_slow", excluded=True)),
        ("!mail_?", Served("mail_?", excluded=True)),
        ("critical:2", Served("critical:2")),  # a colon is part of a name
        ("7", Served("7")),
    ],
)
def test_a_word_is_a_name_or_a_pattern_with_a_weight_or_behind_an_exclamation_mark(word: str, meant: Served) -> None:
    assert Served.read(word) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("critical,default", ("critical", "default")),
        ("critical,2,default,1", ("critical=2", "default=1")),
        ("critical,2", ("critical=2",)),
        ("critical=2,default", ("critical=2", "default")),
        ("7", ("7",)),
        ("7,2", ("7=2",)),
        ("mail,7=1", ("mail", "7=1")),
        ("mail=2,7", ("mail=2", "7")),
        ("mail_*, !mail_slow", ("mail_*", "!mail_slow")),
    ],
)
def test_in_a_list_a_number_after_a_name_is_its_weight(text: str, meant: tuple[str, ...]) -> None:
    assert words(text) == meant


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (["mail=0"], "'mail=0': a weight is a whole number from 1 to 1,000"),
        (["mail=1.5"], "'mail=1.5': a weight"),
        (["mail="], "'mail=': a weight"),
        (["!mail=2"], "'!mail=2' says which queue not to serve"),
        (["old mail"], "'old mail' cannot be the name of a queue"),
        (["!"], "'' cannot be the name of a queue"),
        (["mail[12]*"], "'mail[12]*' cannot be a pattern"),
        (["mail", "mail"], "the queue 'mail' is named twice"),
        (["mail", "mail=2"], "the queue 'mail' is named twice"),
        (["mail_slow", "!mail_*"], "the queue 'mail_slow' is to be served, and by 'mail_*' behind ! is not to be"),
        ([], "name a queue"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(said: list[str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        Serving(said)


@pytest.mark.parametrize(
    ("said", "served", "not_served"),
    [
        (["*"], ["mail", "mail.slow", "a<b>:c-d"], ["queueapi.bench.1"]),
        (["mail_*", "!mail_slow"], ["mail_", "mail_fast", "mail_slower"], ["mail_slow", "mail", "xmail_fast"]),
        (["mail.?"], ["mail.1"], ["mailx1", "mail.12"]),
        (["!mail", "!x*"], ["default", "mails"], ["mail", "x", "xy"]),
        (["critical", "*"], ["default"], ["queueapi.bench.x"]),
    ],
)
def test_python_and_postgresql_read_the_pattern_alike(
    said: list[str], served: list[str], not_served: list[str], sql: Sql
) -> None:
    pattern = Serving(said).pattern
    assert pattern is not None
    for name in served + not_served:
        assert bool(re.match(pattern, name)) is (name in served), name
        assert sql("select %s ~ %s", name, pattern) == [(name in served,)], name


def test_names_alone_are_no_pattern() -> None:
    serving = Serving(["mail=2", "default"])
    assert (serving.names, serving.pattern, serving.weighted) == (["mail", "default"], None, True)
    assert not Serving(["mail", "!x"]).weighted
