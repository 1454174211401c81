"""Imports the jobs into a process, and says in one sentence why it cannot."""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import cast

from queueapi.errors import QueueAPIError, SettingsError
from queueapi.kinds import kinds
from queueapi.middleware.chain import around_perform
from queueapi.middleware.flask import app_context


def import_jobs(modules: Sequence[str], verbose: bool) -> None:
    """Import the modules, and the applications (``module:attribute``) that their jobs need.

    Every attempt runs in the context of an application that has such a thing, as Flask's do.

    Raises:
        SettingsError: one cannot be imported, or there is no job in them.
    """
    for address in modules:
        module, colon, attribute = address.partition(":")
        _import(module, verbose)
        if colon:
            app = _look_up(module, attribute)
            if callable(getattr(app, "app_context", None)):
                around_perform(app_context(app))
    if not len(kinds):
        raise SettingsError(
            f"{', '.join(modules)} define no jobs: derive a class from queueapi.Job, or use @queueapi.job"
        )


def files(known: Mapping[str, float]) -> dict[str, float]:
    """The files of all modules that are imported by now, without those of Python and of installed packages; and when
    they were changed last, asked once: what a process was made of does not change any more."""
    installed = tuple({f"{path}/" for path in sysconfig.get_paths().values()})
    found = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    ours = (file for file in found if isinstance(file, str) and not file.startswith(installed))
    return {file: known[file] if file in known else os.stat(file).st_mtime for file in ours if os.path.exists(file)}


def check() -> None:
    """Import what the command line names, and end: 0, or 2 and why on standard error."""
    try:
        import_jobs(sys.argv[1:], verbose=False)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    print(len(kinds))


def _import(module: str, verbose: bool) -> None:
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise SettingsError(
                f"there is no module {module!r} to import jobs from: "
                "give its dotted name, and start in the folder above it"
            ) from error
        if verbose:
            traceback.print_exc()
        why = f"{type(error).__name__}: {error}{_place(error)}"
        raise SettingsError(f"{module} cannot be imported: {why}") from error


def _look_up(module: str, attribute: str) -> object:
    try:
        return cast(object, attrgetter(attribute)(sys.modules[module]))
    except AttributeError:
        raise SettingsError(f"{module} has no {attribute!r}: say  -A MODULE:NAME, as in  -A myapp.web:app") from None


def _place(error: BaseException) -> str:
    """Where it was raised, in words; a SyntaxError says it itself, and of ours the place does not matter."""
    if isinstance(error, (SyntaxError, QueueAPIError)):
        return ""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({frame.filename}, line {frame.lineno})"
