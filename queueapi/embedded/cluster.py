"""The files of one server: one folder, one lock, one port, one account that owns the data.

base/lock       held by the process that runs the server, with its pid in it
base/port       chosen once
base/elsewhere  where the rest is, when the server's account cannot enter base
home/data       PostgreSQL's own; made under another name, so that it is there whole or not at all
home/password   of the superuser
home/log        of this run; log.1 of the one before
"""

from __future__ import annotations

import fcntl
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from queueapi.embedded.binaries import can_reach, major_version, within_reach
from queueapi.embedded.errors import EmbeddedError
from queueapi.embedded.tether import Account, spawn

USER = "queueapi"

# Below the ports that systems hand to outgoing connections (Linux from 32768, others from 49152): a client
# knocking at a restarting server's port from that very port connects to itself, and the server is shut out.
_PORTS = range(20_000, 32_000)

_STATUS = 7  # the line of postmaster.pid, counted from 0, that says how far the server is


class Cluster:
    """The files under one base. Made and changed only by whoever holds the lock.

    1. lock: one process at a time.
    2. prepare: account, home, programs, and ``initdb`` the first time.
    3. choose_port: the same one as ever, while nobody else has it.
    4. unlock, and remove for those who leave nothing behind.
    """

    def __init__(self, base: Path) -> None:
        self.base = base.resolve()  # the rights of every folder above it are looked at
        self.home = self.base
        self.account: Account | None = None
        self.bin = Path()
        self._lock: int | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def password(self) -> str:
        return (self.home / "password").read_text()

    def lock(self) -> None:
        """Take the folder; taking it twice is nothing.

        Raises:
            EmbeddedError: another process, or another server of this one, has it.
        """
        if self._lock is not None:
            return
        self.base.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.base / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 20).decode() or "another"
            os.close(lock)
            raise EmbeddedError(
                f"the PostgreSQL in {self.base} is in use by process {holder}: stop that one, or give another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        self._lock = lock

    def unlock(self) -> None:
        if self._lock is not None:
            # Closing alone would leave it with forked copies of this process, which share the descriptor.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = None

    def prepare(self, programs: Path, *, durable: bool) -> None:
        """Make ready what a server needs, as far as it is not.

        Raises:
            EmbeddedError: the data is another version's, or initdb failed.
        """
        self.account = _server_account(self.data)
        self.home = self._reachable_home()
        version = major_version(programs)
        self.bin = within_reach(programs, self.account, self.home)
        if not self.data.exists():
            self._init(durable)
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != version:
            raise EmbeddedError(
                f"the data in {self.data} is PostgreSQL {found}'s and {programs} holds PostgreSQL {version}: "
                f"delete {self.base} to begin anew, or dump and reload it"
            )

    def choose_port(self) -> int:
        kept = self.base / "port"
        if kept.exists() and _is_free(port := int(kept.read_text())):
            return port
        port = next(port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))
        kept.write_text(str(port))
        return port

    def open_log(self) -> int:
        """A descriptor to write this run's log to; the run before keeps its own."""
        if self.log.exists():
            self.log.replace(self.log.with_name("log.1"))
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def is_occupied(self) -> bool:
        """Does a server that we did not start still run on this data? Its processes have it as their folder.

        Asked of /proc, so always False where there is none.
        """
        wanted = os.fspath(self._last_home() / "data")
        return any(_sits_in(place / "cwd", wanted) for place in Path("/proc").glob("[0-9]*"))

    def says_ready(self, pid: int) -> bool:
        """Has the server ``pid`` written that it takes connections? The file may be a crashed one's."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # A standby takes connections as well, which may read.
        return len(lines) > _STATUS and lines[0] == str(pid) and lines[_STATUS].strip() in ("ready", "standby")

    def last_words(self) -> str:
        """The line of the log that says why a server did not start."""
        lines = self.log.read_text(errors="replace").splitlines()
        fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return (fatal or lines or ["it said nothing"])[-1]

    def remove(self) -> None:
        """Delete everything, in base and elsewhere."""
        shutil.rmtree(self._last_home(), ignore_errors=True)
        shutil.rmtree(self.base, ignore_errors=True)

    def _reachable_home(self) -> Path:
        """base, or a folder of the account's own where base is closed to it. What is closed stays closed."""
        if self.account is None or can_reach(self.account, self.base):
            return self.base
        home = self._last_home()
        ours = home != self.base and home.is_dir() and not home.is_symlink()
        if ours and home.stat().st_uid == self.account.uid:
            return home
        lasting = Path("/var/tmp")  # noqa: S108 # mkdtemp makes it safe; unlike /tmp it outlives a reboot
        home = Path(tempfile.mkdtemp(prefix="queueapi-postgres-", dir=lasting if lasting.is_dir() else None))
        home = home.resolve()
        os.chown(home, *self.account)
        (self.base / "elsewhere").write_text(str(home))
        return home

    def _last_home(self) -> Path:
        pointer = self.base / "elsewhere"
        return Path(pointer.read_text()) if pointer.exists() else self.base

    def _init(self, durable: bool) -> None:
        half = self.home / "data.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        password = self.home / "password"
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(18))
        if self.account:
            os.chown(half, *self.account)
            os.chown(password, *self.account)
        command: list[str | Path] = [self.bin / "initdb", "-D", half, "-U", USER, f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        process = spawn(
            [*command, *([] if durable else ["--no-sync"])],
            signal.SIGKILL,
            self.account,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=server_environment(),
            cwd="/",
        )
        said, _ = process.communicate()
        if process.returncode:
            shutil.rmtree(half, ignore_errors=True)
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise EmbeddedError(f"initdb could not make {self.data}: {last}")
        half.rename(self.data)


def server_environment() -> dict[str, str]:
    """Nothing of the caller's: PGOPTIONS or a foreign locale would reach into the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _server_account(data: Path) -> Account | None:
    """Whom to run as: ourselves, unless we are root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no user postgres or nobody: add one")


def _sits_in(link: Path, folder: str) -> bool:
    try:
        return os.readlink(link) == folder
    except OSError:  # gone by now, or somebody else's
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as door:
        # As PostgreSQL does: connections of the last run may linger.
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
