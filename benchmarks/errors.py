"""What can go wrong with a measurement."""


class BenchmarkError(Exception):
    """It cannot be made, or its result cannot be trusted. One sentence."""


class Unavailable(BenchmarkError):
    """A peer is not to be had on this machine. The benchmark says so and goes on without it."""
