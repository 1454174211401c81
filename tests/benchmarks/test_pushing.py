"""Servers that browsers poll: how the document shows what was run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.peers.longpoll import LongPoll
from benchmarks.peers.pushing import Server


class Scripted(Server):
    def words(self, port: int) -> Sequence[str]:
        return [sys.executable, __file__, "--mount", "/faye", str(port)]


def test_a_command_is_shown_without_the_folders_of_this_machine_and_otherwise_as_it_was() -> None:
    shown = Scripted().command()
    assert shown == f"{sys.executable.rpartition('/')[2]} test_pushing.py --mount /faye 0"
    ours = LongPoll(2, "native").command()
    assert ours.startswith("longpoll-serve --host 127.0.0.1 ")
    assert ours.endswith("--publish /**")
