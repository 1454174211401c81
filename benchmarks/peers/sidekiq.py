"""Sidekiq (Debian's ruby-sidekiq) on Redis: its own command line, push_bulk for many."""

from __future__ import annotations

from benchmarks.peers.peer import HERE, RubyPeer


class Sidekiq(RubyPeer):
    name = "Sidekiq"
    setting = "Redis, its own command line, push_bulk"
    store = "redis"
    library = "sidekiq"
    package = "ruby-sidekiq"
    left = "LLEN queue:default"
    slots = 10  # its default, and what its documentation advises on Ruby with one lock
    jobs = 30_000

    def worker(self, processes: int, slots: int) -> list[list[str]]:
        return [["sidekiq", "-r", str(HERE / "sidekiq.rb"), "-c", str(slots), "-e", "production"]] * processes


PEERS = [Sidekiq()]
