"""How fast it is, measured beside something else in the same run: ``make bench``. See docs/benchmarks.md."""
