"""A peer, as its file describes it; and how those of each language are called."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:  # in a peer's own environment there is nothing of ours but these files
    from benchmarks.bench import Bench

HERE = Path(__file__).parent


class Peer:
    """A queue.

    Attributes:
        name: in tables.
        setting: how it is set up, in a few words: beside the name in the document.
        store: what it stands on.
        left: whether anything is still to do: SQL that says true or false; or for Redis, commands whose numbers are
            all 0 when nothing is.
        last: the same for the job pushed last, where that can be asked by an index: ``%s`` is what filling said.
        tables: that are vacuumed between filling and draining.
        slots: jobs at once in a process, where this queue is fastest with jobs that do nothing.
        processes: how many are tried.
        bulk: whether it has a call for many jobs.
        jobs: how many it can drain in some five seconds; never more than 200,000.
        variables: for its script.
    """

    name: str
    setting: str = ""
    store: ClassVar[Literal["postgres", "redis"]] = "postgres"
    left: ClassVar[str] = ""
    last: ClassVar[str] = ""
    tables: ClassVar[str] = ""
    bulk: ClassVar[bool] = True
    slots: int = 20
    processes: Sequence[int] = (1, 2)
    jobs: int = 200_000
    ours: ClassVar[bool] = False
    variables: Mapping[str, str] = {}

    def install(self, bench: Bench) -> str:
        """Make it available; its version.

        Raises:
            Unavailable: it is not to be had here.
        """
        raise NotImplementedError

    def words(self, verb: str, *arguments: object) -> list[str]:
        """The command that does that."""
        raise NotImplementedError

    def worker(self, processes: int, slots: int) -> list[list[str]]:
        """The commands of its worker processes."""
        return [self.words("work", slots)] * processes


class PythonPeer(Peer):
    """In a virtual environment of its own, whose name is that of the file."""

    requires: ClassVar[Sequence[str]] = ()
    distribution: ClassVar[str] = ""

    def install(self, bench: Bench) -> str:
        module = type(self).__module__
        self._python = str(bench.tools.python(module.rpartition(".")[2], self.requires))
        code = f"import importlib.metadata as m; print(m.version({self.distribution!r}))"
        return output(self._python, "-c", code)

    def words(self, verb: str, *arguments: object) -> list[str]:
        return [self._python, "-m", type(self).__module__, verb, *map(str, arguments)]

    def script(self, name: str) -> str:
        """A script of its environment."""
        return str(Path(self._python).with_name(name))


class NodePeer(Peer):
    """From npm: its script has the file's name, with .mjs."""

    package: ClassVar[str] = ""

    def install(self, bench: Bench) -> str:
        node, folder = bench.tools.node()
        self._node, self._folder = str(node), folder
        version = json.loads((folder / "node_modules" / self.package / "package.json").read_text())["version"]
        return f"{version}, Node {output(self._node, '--version').removeprefix('v')}"

    def words(self, verb: str, *arguments: object) -> list[str]:
        # Node looks for packages beside the file that asks for them: beside a link, if it is told so.
        name = f"{type(self).__module__.rpartition('.')[2]}.mjs"
        for file in (name, "script.mjs"):
            link = self._folder / file
            link.unlink(missing_ok=True)
            link.symlink_to(HERE / file)
        options = ["--preserve-symlinks", "--preserve-symlinks-main"]
        return [self._node, *options, str(self._folder / name), verb, *map(str, arguments)]


class RubyPeer(Peer):
    """From Debian: its script has the file's name, with .rb."""

    package: ClassVar[str] = ""
    library: ClassVar[str] = ""

    def install(self, bench: Bench) -> str:
        self._ruby = str(bench.tools.program("ruby", "ruby"))
        bench.tools.ruby(self.library, self.package)
        version = output(self._ruby, "-e", f"print Gem::Specification.find_by_name('{self.library}').version")
        return f"{version}, Ruby {output(self._ruby, '-e', 'print RUBY_VERSION')}"

    def words(self, verb: str, *arguments: object) -> list[str]:
        script = HERE / f"{type(self).__module__.rpartition('.')[2]}.rb"
        return [self._ruby, str(script), verb, *map(str, arguments)]


class OwnPeer(Peer):
    """In the interpreter that runs the benchmark."""

    def words(self, verb: str, *arguments: object) -> list[str]:
        return [sys.executable, "-m", type(self).__module__, verb, *map(str, arguments)]


def peers() -> list[Peer]:
    """All queues that there are: ours first, then by file."""
    import benchmarks.peers

    names = [module.name for module in pkgutil.iter_modules(benchmarks.peers.__path__)]
    found = [peer for name in names for peer in getattr(import_module(f"benchmarks.peers.{name}"), "PEERS", ())]
    return sorted(found, key=lambda peer: not peer.ours)


def output(*command: str) -> str:
    """What a command says."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=os.sep).stdout.strip()
