"""Servers that browsers poll: how the document shows what was run."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Sequence

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.peers.longpoll import LongPoll
from benchmarks.peers.pushing import Server


class Scripted(Server):
    name = "scripted"

    def words(self, port: int) -> Sequence[str]:
        return [sys.executable, __file__, "--mount", "/faye", str(port)]


def test_a_command_is_shown_without_the_folders_of_this_machine_and_otherwise_as_it_was() -> None:
    shown = Scripted().command()
    assert shown == f"{sys.executable.rpartition('/')[2]} test_pushing.py --mount /faye 0"
    ours = LongPoll(2, "native").command()
    assert ours.startswith("longpoll-serve --host 127.0.0.1 ")
    assert ours.endswith("--publish /**")


def test_a_server_that_hangs_up_is_named_and_does_not_end_the_whole_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hangs_up = threading.Thread(target=lambda: listening.accept()[0].close())
        hangs_up.start()
        with pytest.raises(BenchmarkError, match="scripted does not answer a publication"):
            Scripted().publish(listening.getsockname()[1], "news", {})
        hangs_up.join()
