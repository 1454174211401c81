"""The command lines ``queueapi`` and ``queueapi-work``; each command is a file."""

from queueapi.cli.scripts import main, work

__all__ = ["main", "work"]
