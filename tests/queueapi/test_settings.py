"""Settings out of the environment, and the sentence when one cannot be used."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from queueapi import Settings, SettingsError
from queueapi.settings import size

ALL = {
    "DATABASE_URL": "postgresql://host/db",
    "QUEUEAPI_LISTEN_URL": "postgresql://direct/db",
    "QUEUEAPI_CONNECT_TIMEOUT": "7",
    "QUEUEAPI_POOL_SIZE": "9",
    "QUEUEAPI_MAX_ARGS": "1000",
    "QUEUEAPI_MAX_RESULT": "2000",
    "QUEUEAPI_MAX_MESSAGE": "3000",
    "QUEUEAPI_MESSAGE_DAYS": "7",
    "QUEUEAPI_SECRET": "first",
    "QUEUEAPI_SECRET_PREVIOUS": "second",
    "QUEUES": "mail, default,,reports",
    "CONCURRENCY": "3",
    "PROCESSES": "2",
    "QUEUEAPI_LEASE": "12.5",
    "QUEUEAPI_GRACE": "0",
    "QUEUEAPI_POLL": "0.5",
    "QUEUEAPI_RESULT_TTL": "60",
    "QUEUEAPI_MAX_JOBS": "1000",
    "QUEUEAPI_MAX_MEMORY": "1.5G",
    "QUEUEAPI_LOG_FORMAT": "json",
    "VERBOSE": "yes",
}


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env(dict.fromkeys(ALL, "")) == Settings()


def test_every_setting_has_a_variable() -> None:
    assert Settings.from_env(ALL) == Settings(
        database_url="postgresql://host/db",
        listen_url="postgresql://direct/db",
        connect_timeout=7,
        pool_size=9,
        max_args=1000,
        max_result=2000,
        max_message=3000,
        message_days=7,
        secrets=("first", "second"),
        queues=("mail", "default", "reports"),
        concurrency=3,
        processes=2,
        lease=12.5,
        grace=0.0,
        poll=0.5,
        result_ttl=60.0,
        max_jobs=1000,
        max_memory=1_610_612_736,
        log_format="json",
        verbose=True,
    )
    changed = dataclasses.asdict(Settings.from_env(ALL))
    assert [name for name, value in dataclasses.asdict(Settings()).items() if changed[name] == value] == []


def test_what_is_given_wins_over_the_environment_and_none_is_not_given() -> None:
    settings = Settings.from_env(ALL, concurrency=50, queues=None, secrets=("mine",))
    assert (settings.concurrency, settings.queues, settings.secrets) == (50, ("mail", "default", "reports"), ("mine",))


@pytest.mark.parametrize("text", ["mail=2,default=1", "mail,2,default,1"])
def test_queues_may_have_weights_and_be_patterns(text: str) -> None:
    assert Settings.from_env({"QUEUES": text}).queues == ("mail=2", "default=1")
    assert Settings.from_env({"QUEUES": "mail_*,!mail_slow"}).queues == ("mail_*", "!mail_slow")


def test_queues_wins_over_queue_and_either_will_do() -> None:
    assert Settings.from_env({"QUEUE": "a"}).queues == ("a",)
    assert Settings.from_env({"QUEUE": "a", "QUEUES": "b,c"}).queues == ("b", "c")


@pytest.mark.parametrize(
    ("text", "meant"), [("500000", 500_000), ("500M", 500 << 20), ("2G", 2 << 30), ("1.5k", 1536), ("3 MB", None)]
)
def test_a_size_is_read_as_people_write_it(text: str, meant: int | None) -> None:
    if meant is None:
        with pytest.raises(ValueError, match=text):
            size(text)
    else:
        assert size(text) == meant


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False)])
def test_a_switch_is_read_as_people_write_it(text: str, meant: bool) -> None:
    assert Settings.from_env({"VERBOSE": text}).verbose is meant


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"CONCURRENCY": "many"}, ["CONCURRENCY", "'many'", "a whole number"]),
        ({"CONCURRENCY": "2.5"}, ["CONCURRENCY", "'2.5'", "a whole number"]),
        ({"QUEUEAPI_LEASE": "1m"}, ["QUEUEAPI_LEASE", "'1m'", "a number of seconds"]),
        ({"VERBOSE": "maybe"}, ["VERBOSE", "'maybe'", "1 or 0"]),
        ({"QUEUES": " , "}, ["QUEUES", "' , '", "commas"]),
        ({"QUEUES": "mail,old mail"}, ["'old mail'", "queue", "letters"]),
        ({"QUEUEAPI_MAX_MEMORY": "much"}, ["QUEUEAPI_MAX_MEMORY", "'much'", "500M or 2G"]),
        ({"QUEUEAPI_LOG_FORMAT": "xml"}, ["log_format is 'xml'", "text, json"]),
        ({"CONCURRENCY": "0"}, ["concurrency is 0", "from 1 to"]),
        ({"QUEUEAPI_CONNECT_TIMEOUT": "1"}, ["connect_timeout is 1", "from 2 to"]),
        ({"QUEUEAPI_LEASE": "nan"}, ["lease is nan", "from 1 to"]),
        ({"QUEUEAPI_GRACE": "inf"}, ["grace is inf"]),
        ({"QUEUEAPI_GRACE": "-1"}, ["grace is -1", "from 0 to"]),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_with_its_value(environ: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    assert [word for word in words if word not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [{"lease": 0.5}, {"poll": 0}, {"pool_size": 0}, {"queues": ("a b",)}])
def test_what_is_given_by_hand_is_checked_as_well(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Settings(**given)


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().lease = 5  # type: ignore[misc]
