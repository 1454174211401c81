"""Who is measured: ours and others, one file each. A file that has a list ``PEERS`` is found by itself.

A file says how the peer is installed and what its tables say, without importing it; and, run as a script with the
peer's own interpreter, does four things by the peer's public API: see :mod:`benchmarks.peers.script`. Those that are
not written in Python have these four in a file beside it.
"""
