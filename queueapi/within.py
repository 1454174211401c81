"""Where the code that runs now is. By context variables, so that functions deep below ``run()`` can ask."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

# The backend of the queue of this process that runs the present job. None in a worker: there it is the process's own.
place: Final[ContextVar[Any]] = ContextVar("queueapi_place", default=None)
# The batch whose with block this is in.
batch: Final[ContextVar[Any]] = ContextVar("queueapi_batch", default=None)
