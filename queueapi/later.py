"""A module that is loaded when something of it is first asked for.

A web process imports all of the house to push a job now and then; a script that only sets up the application pushes
none. What either does not use, it does not load: msgspec, dataclasses and their like are most of the time that the
import would take.
"""

from __future__ import annotations

import sys
from typing import Any


class Later:
    """Stands where the module would; mypy and the floors see it under TYPE_CHECKING::

        if TYPE_CHECKING:
            from queueapi import handles
        else:
            handles = Later("queueapi.handles")

    Args:
        name: of the module, in full.
    """

    __slots__ = ("__dict__", "_module")

    def __init__(self, name: str) -> None:
        self._module = name

    def __getattr__(self, attribute: str) -> Any:
        __import__(self._module)
        module = sys.modules[self._module]
        self.__dict__ = module.__dict__  # from now on it costs what the module would
        return getattr(module, attribute)
