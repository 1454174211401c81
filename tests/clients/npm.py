"""Packages from npm, installed once for each lockfile, outside the tree that is tested."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# One more try and no long wait: who has no network should be told so within a minute, once.
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=20000"]
_refused: dict[Path, str] = {}


def installed(folder: Path) -> Path:
    """Where the packages of that folder's lockfile are; the test is skipped where they cannot be had."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")
    lock = (folder / "package-lock.json").read_bytes()
    place = ROOT / ".dev" / "npm" / hashlib.sha256(lock).hexdigest()[:16]
    if not place.exists() and place not in _refused:
        _install(folder, place)
    if place in _refused:
        pytest.skip(f"npm cannot install {folder.name}'s packages: {_refused[place]}")
    return place


def _install(folder: Path, place: Path) -> None:
    # Beside it, and then moved: what is there is whole, and of two that install at once one comes first.
    making = place.with_name(f"{place.name}.{os.getpid()}")
    making.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, making)
        done = subprocess.run(INSTALL, cwd=making, capture_output=True, text=True)
        if done.returncode:
            _refused[place] = "; ".join(done.stderr.split("\n")[:3])
            return
        try:
            making.rename(place)
        except OSError:
            assert place.exists()
    finally:
        shutil.rmtree(making, ignore_errors=True)
