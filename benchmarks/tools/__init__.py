"""Brings what peers need into ``.bench``: Node and its packages, virtual environments, Debian's programs."""

from benchmarks.tools.tools import Tools

__all__ = ["Tools"]
