"""Loaded into a longpoll-serve under test, as an application's word on who may what. Tells how much memory it has."""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path


def may(request: object, channel: str, action: str) -> bool:
    """Everybody may everything. Whoever asks for this channel has the bytes written down."""
    if channel == "how-much":
        gc.collect()
        Path(os.environ["TRACED"]).write_text(str(tracemalloc.get_traced_memory()[0]))
    return True
