"""How many connections fit into one process."""

import resource
import subprocess
import sys
from pathlib import Path

from longpoll.server import limits

SCRIPT = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
from longpoll.server import raise_open_files
assert raise_open_files() == hard
assert raise_open_files() == hard
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
"""


def test_the_process_may_open_as_many_files_as_it_is_allowed() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=Path(__file__).parents[3])


def test_some_files_are_kept_back_from_the_connections() -> None:
    assert limits.connections_for(20_000) == 20_000 - limits.OWN_FILES
    assert limits.connections_for(10) == 1
    assert limits.connections_for(resource.RLIM_INFINITY) > 1_000_000
