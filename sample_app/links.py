"""Addresses that are keys: made by pages and by jobs alike."""

from __future__ import annotations

from typing import Final

from queueapi import Handle

# Seconds. The address of a run is good for a week: long enough to come back to, not for ever. So are a page's tickets.
LINK_LIFETIME: Final = 7 * 24 * 3600


def run_address(handle: Handle) -> str:
    """The path of the page on which this job is watched. Whoever has it may watch."""
    return f"/runs/{handle.ticket(expires=LINK_LIFETIME)}"
