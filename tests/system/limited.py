"""Jobs with limits, for real workers: each writes down when it began and ended."""

from __future__ import annotations

from workshop import Noted

from queueapi import Concurrency, Rate


class Three(Noted, limit=3):
    """Three at once."""


class Windowed(Noted, limit=Rate(5, per=2)):
    """Five in two seconds."""


class Dripping(Noted, limit=Rate(4, per=1, bucket=True)):
    """Four at once, and then one every quarter of a second."""


class Both(Noted, limit=[Concurrency(4), Concurrency(1, by=lambda job: job.n % 5)]):
    """Four at once, of five sorts one each."""


class Alone(Noted, limit=1):
    """One at once."""
