"""``make demo``: everything that the sample app needs, on this machine, in one terminal.

    python -m sample_app.demo [--dir .dev] [--tied]

PORT and LONGPOLL_PORT choose the ports, DATABASE_URL or the PG* variables a server instead of the embedded one.
"""

from __future__ import annotations

import argparse
import errno
import http.client
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from queueapi.embedded import EmbeddedError, EmbeddedPostgres
from queueapi.embedded.tether import tie_to_parent
from sample_app.processes import Asked, Ended, NoAnswer, Processes, wants_colour

_LOCAL = "127.0.0.1"
_NAMES = ("postgres", "migrate", "smtp", "slow-api", "worker", "longpoll", "web")
_QUEUES = ("mail", "uploads", "reports", "api", "default")
_GRACE = 3  # seconds that running jobs get at the end. Nobody waits 30 for a Ctrl-C
_BUDGET = 4.0  # seconds for all processes to end; with PostgreSQL's second, 5
_PATIENCE = 30.0  # seconds until a process must answer: on a new machine Python compiles its modules first
_SERVERS = ("DATABASE_URL", "PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")


class Refused(Exception):
    """The demo cannot start as asked; nothing was started."""


@dataclass(frozen=True)
class Ports:
    """Where everything listens. ``host`` is for ``web`` and ``longpoll``; the others stay on the loopback."""

    host: str
    web: int
    longpoll: int
    smtp: int
    slow_api: int

    @classmethod
    def choose(cls, environ: Mapping[str, str]) -> Self:
        """What the environment says, else the defaults; for the two that nobody types, else any free port.

        Raises:
            Refused: a port is none, or cannot be had.
        """
        host = environ.get("HOST") or _LOCAL
        chosen: list[int] = []
        for name, default in (("PORT", 8000), ("LONGPOLL_PORT", 9292)):
            chosen.append(_port(name, environ.get(name) or str(default), host, chosen))
        for name, default in (("SMTP_PORT", 8025), ("SLOW_API_PORT", 8026)):
            usual = default if default not in chosen and _is_free(_LOCAL, default) else _free(_LOCAL, chosen)
            chosen.append(_port(name, environ.get(name) or str(usual), _LOCAL, chosen))
        return cls(host, *chosen)

    @property
    def shown(self) -> str:
        """A host to connect to; HOST may be one that can only be listened on."""
        return _LOCAL if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 # recognised, not bound


def main(argv: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM (0), until a process fails (1); 2 if asked for what cannot be."""
    options = _options(argv)
    if options.tied:
        tie_to_parent(signal.SIGTERM)
    try:
        ports = Ports.choose(os.environ)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    # Unbuffered: each line is one write, and none is left to be written when whoever reads has gone.
    with (
        open(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as out,
        Processes(out, names=_NAMES, colour=wants_colour(out)) as processes,
        ExitStack() as server,
    ):
        try:
            env, database = _environment(options.dir, ports, processes, server)
            _start_all(processes, env, ports)
            processes.write(_addresses(ports, database))
            processes.watch()
        except Asked:
            processes.write(b"\nstopping\n")
            return 0
        except (Ended, NoAnswer, EmbeddedError, OSError) as trouble:
            processes.write(f"\n{trouble}: stopping everything\n".encode())
        finally:
            processes.stop(_BUDGET)  # before the server, which all of them use
    return 1


def _environment(folder: Path, ports: Ports, processes: Processes, server: ExitStack) -> tuple[dict[str, str], str]:
    """What all processes get to know, and the words for where the data is. Starts PostgreSQL, if it is ours."""
    folder.mkdir(parents=True, exist_ok=True)
    env = dict(os.environ)
    given = next((name for name in _SERVERS if env.get(name)), None)
    if given:
        database = f"the server that {given} names"
    else:
        postgres = EmbeddedPostgres(folder / "postgres").start()
        server.callback(postgres.stop, patience=1.0)
        processes.follow("postgres", postgres.log, postgres.wait)
        env = {name: value for name, value in env.items() if not name.startswith("PG")}
        env["DATABASE_URL"] = database = postgres.dsn
    env |= {
        "PYTHONUNBUFFERED": "1",  # or lines would come in blocks, long after what they tell of
        "HOST": ports.host,
        "PORT": str(ports.web),
        "SMTP_HOST": _LOCAL,
        "SMTP_PORT": str(ports.smtp),
        "SLOW_API_HOST": _LOCAL,
        "SLOW_API_PORT": str(ports.slow_api),
    }
    env.setdefault("LONGPOLL_URL", f"http://{ports.shown}:{ports.longpoll}")
    env.setdefault("SPOOL_DIR", os.fspath(folder / "spool"))
    env.setdefault("QUEUEAPI_SECRET", _secret(folder / "secret"))
    return env, database


def _start_all(processes: Processes, env: Mapping[str, str], ports: Ports) -> None:
    """Each after what it needs: the schema first, then the tables of the sample app, which the mail sink makes."""

    def start(name: str, *words: str, patience: float = 1.0) -> None:
        child = processes.start(name, [*python, *words], env, patience=patience, sign="ready:")
        answers[name] = child.ready.is_set

    python = (sys.executable, "-m")
    answers: dict[str, Callable[[], bool]] = {}
    processes.run("migrate", [*python, "queueapi", "migrate"], env)
    start("smtp", "sample_app.smtp_sink")
    answers["smtp"] = lambda: _listens(ports.smtp)
    _await(processes, answers)
    start("slow-api", "sample_app.slow_api")
    answers["slow-api"] = lambda: _listens(ports.slow_api)
    queues = [word for queue in _QUEUES for word in ("-q", queue)]
    numbers = ("-c", "20", "-p", "2", "--grace", str(_GRACE))
    start("worker", "queueapi", "work", "sample_app.jobs", *queues, *numbers, patience=_GRACE + 0.5)
    start("longpoll", "longpoll", "--host", ports.host, "--port", str(ports.longpoll))
    answers["longpoll"] = lambda: _is_healthy(ports.shown, ports.longpoll)
    start("web", "sample_app")
    answers["web"] = lambda: _is_healthy(ports.shown, ports.web)
    _await(processes, answers)


def _await(processes: Processes, answers: Mapping[str, Callable[[], bool]]) -> None:
    for name, answered in answers.items():
        processes.until(answered, _PATIENCE, f"{name} does not answer after {_PATIENCE:.0f} s")


def _addresses(ports: Ports, database: str) -> bytes:
    return f"""
  Sample app    http://{ports.shown}:{ports.web}
  Long-polling  http://{ports.shown}:{ports.longpoll}
  PostgreSQL    {database}

  Ctrl-C stops everything.

""".encode()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sample_app.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, default=Path(".dev"), help="where data and secret are kept (.dev)")
    parser.add_argument("--tied", action="store_true", help="stop when the process that started this one dies")
    return parser.parse_args(argv)


def _secret(file: Path) -> str:
    """The secret of last time, so that tickets in open pages stay good; the first time, a new one."""
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return file.read_text()


def _port(name: str, text: str, host: str, chosen: Iterable[int]) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise Refused(f"{name} is {text!r} and must be a port, a number from 1 to 65535")
    try:
        if _bind(host, int(text)) not in chosen:
            return int(text)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Refused(
                f"port {text} on {host} cannot be opened ({error.strerror}): choose others with {name} and HOST"
            ) from error
    raise Refused(
        f"port {text} is taken: choose another with {name}, for instance {name}={_free(host, chosen)} make demo"
    )


def _is_free(host: str, port: int) -> bool:
    try:
        return _bind(host, port) == port
    except OSError:
        return False


def _free(host: str, chosen: Iterable[int]) -> int:
    while (port := _bind(host, 0)) in chosen:
        pass
    return port


def _bind(host: str, port: int) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: old connections may linger
        door.bind((host, port))
        return int(door.getsockname()[1])


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((_LOCAL, port), timeout=1):
            return True
    except OSError:
        return False


def _is_healthy(host: str, port: int) -> bool:
    line = http.client.HTTPConnection(host, port, timeout=2)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


if __name__ == "__main__":
    sys.exit(main())
