"""What can be set, from the environment or by hand: frozen, and every default with its reason."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from queueapi.errors import SettingsError
from queueapi.served import Serving, words


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the house can be told. Sizes in bytes, times in seconds.

    Attributes of everybody:
        database_url: a libpq URL or keyword string; empty means the ``PG*`` variables, as with psql.
        listen_url: the server's own address, for LISTEN alone, where ``database_url`` leads to a pooler in transaction
            mode, through which nothing is heard. Without it, what waits for news finds it at its next poll.
        connect_timeout: until ``StoreUnavailable``. A web request should fail before its reader gives up.
        pool_size: connections a web process keeps. waitress runs 4 threads, and a push holds one for a millisecond.
            ``Handle.wait`` opens one of its own.
        max_args: of one job. Ids belong in a job, not the data behind them; 1 MB is already a mistake.
        max_result: of one job. What a browser should get in one piece.
        max_message: of one message, as JSON: a megabyte however it is counted, and the quotes around it. It goes to
            every reader of its channel.
        message_days: how many days messages are kept, for browsers that come back and pages that show the last ones.
            The shortest of all processes counts; each day is a partition that every read of the log looks into.
        secrets: sign tickets; the first signs, all verify (``QUEUEAPI_SECRET``, ``QUEUEAPI_SECRET_PREVIOUS``).

    Attributes of workers:
        queues: in the order in which they are served: ``mail``, ``mail=2`` (with a weight), ``mail_*``, ``!mail_slow``.
        concurrency: slots of a process. Jobs mostly wait for others; 20 of them keep one core busy.
        processes: of one supervisor. Python computes on one core a process.
        lease: how long a claim holds without a sign of work. Longer than any pause of a healthy machine, short
            enough that nobody is called when one burns down.
        grace: how long running jobs may go on after SIGTERM. systemd waits for 90 s before it kills; Kubernetes only
            for 30: there, set ``terminationGracePeriodSeconds`` to this and 15 more.
        poll: the safety poll's interval. Bounds the delay of a lost wake-up; one look a second is no load.
        result_ttl: how long finished jobs are kept. A browser asleep overnight still gets its answer.
        max_jobs: a process ends after so many, and another takes its place: against libraries that leak. 0: never.
        max_memory: a process that has more, in bytes, ends when what it runs has ended, and another takes its place at
            once. 0: never.
        log_format: ``text`` for people, ``json`` for machines: an object a line.
    """

    database_url: str = ""
    listen_url: str = ""
    connect_timeout: int = 5
    pool_size: int = 5
    max_args: int = 1_000_000
    max_result: int = 1_000_000
    max_message: int = 1_100_000
    message_days: int = 1
    secrets: tuple[str, ...] = ()
    queues: tuple[str, ...] = ("default",)
    concurrency: int = 20
    processes: int = 1
    lease: float = 30.0
    grace: float = 30.0
    poll: float = 1.0
    result_ttl: float = 86_400.0
    max_jobs: int = 0
    max_memory: int = 0
    log_format: str = "text"
    verbose: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:  # nor is NaN between anything
                raise SettingsError(f"{name} is {getattr(self, name)}, and must be from {least} to {most:,}")
        if self.log_format not in FORMATS:
            raise SettingsError(f"log_format is {self.log_format!r}, and must be one of {', '.join(FORMATS)}")
        Serving(self.queues)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Settings out of the environment; what is given by name (and not None) wins.

        Raises:
            SettingsError: a variable cannot be read; the sentence names it and its value.
        """
        environ = os.environ if environ is None else environ
        found = {name: value for name, value in given.items() if value is not None}
        for name, (variables, read) in _VARIABLES.items():
            for variable in variables:
                text = environ.get(variable, "")
                if text and name not in found:
                    try:
                        found[name] = read(text)
                    except ValueError:
                        raise SettingsError(f"{variable} is {text!r}, and should be {_FORMS[read]}") from None
        if "secrets" not in found:
            keys = (environ.get("QUEUEAPI_SECRET", ""), environ.get("QUEUEAPI_SECRET_PREVIOUS", ""))
            found["secrets"] = tuple(key for key in keys if key)
        return cls(**found)


# How logs are written: see logs.py.
FORMATS = ("text", "json")

# Beyond these a setting is a slip of the finger, and does harm later and elsewhere.
_BOUNDS: dict[str, tuple[float, float]] = {
    "connect_timeout": (2, 300),  # libpq rounds 1 up to 2
    "pool_size": (1, 1_000),
    "max_args": (2, 100_000_000),
    "max_result": (2, 100_000_000),
    "max_message": (2, 100_000_000),
    "message_days": (1, 90),
    "concurrency": (1, 10_000),
    "processes": (1, 1_000),
    "lease": (1, 3_600),
    "grace": (0, 86_400),
    "poll": (0.01, 60),
    "max_jobs": (0, 1_000_000_000),
    "max_memory": (0, 1 << 50),
    "result_ttl": (1, 7_776_000),  # 90 days: a partition each, and a look-up by id asks them all
}


def _names(text: str) -> tuple[str, ...]:
    if not (names := ",".join(name for name in text.split(",") if name.strip())):
        raise ValueError
    return words(names)


def size(text: str) -> int:
    """Bytes, as people write them: ``500M``, ``1.5G``.

    Raises:
        ValueError: it is no size.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kKMGT]?)(?:i?B)?", text.strip(), re.ASCII)
    if not found:
        raise ValueError(text)
    return int(float(found[1]) * _UNITS[found[2].upper()])


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError
    return _SWITCHES[text.lower()]


_SWITCHES = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_FORMS: dict[Callable[[str], Any], str] = {
    int: "a whole number",
    size: "a size such as 500M or 2G",
    float: "a number of seconds",
    _names: "names with commas between them, such as mail,default or mail=2,default=1",
    _switch: "1 or 0",
}

# QUEUE and QUEUES, CONCURRENCY and VERBOSE are Resque's and Sidekiq's names, which people type already.
_VARIABLES: dict[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
    "database_url": (("DATABASE_URL",), str),
    "listen_url": (("QUEUEAPI_LISTEN_URL",), str),
    "connect_timeout": (("QUEUEAPI_CONNECT_TIMEOUT",), int),
    "pool_size": (("QUEUEAPI_POOL_SIZE",), int),
    "max_args": (("QUEUEAPI_MAX_ARGS",), int),
    "max_result": (("QUEUEAPI_MAX_RESULT",), int),
    "max_message": (("QUEUEAPI_MAX_MESSAGE",), int),
    "message_days": (("QUEUEAPI_MESSAGE_DAYS",), int),
    "queues": (("QUEUES", "QUEUE"), _names),
    "concurrency": (("CONCURRENCY",), int),
    "processes": (("PROCESSES",), int),
    "lease": (("QUEUEAPI_LEASE",), float),
    "grace": (("QUEUEAPI_GRACE",), float),
    "poll": (("QUEUEAPI_POLL",), float),
    "result_ttl": (("QUEUEAPI_RESULT_TTL",), float),
    "max_jobs": (("QUEUEAPI_MAX_JOBS",), int),
    "max_memory": (("QUEUEAPI_MAX_MEMORY",), size),
    "log_format": (("QUEUEAPI_LOG_FORMAT",), str),
    "verbose": (("VERBOSE",), _switch),
}

assert {field.name for field in fields(Settings)} == {*_VARIABLES, "secrets"}, "a setting has no variable"
