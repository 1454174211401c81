"""The demo: many processes that look like one, and end like one."""

from __future__ import annotations

import http.client
import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from queueapi.embedded import EmbeddedPostgres
from queueapi.embedded.cluster import Cluster
from sample_app.demo import Ports, Refused, main
from sample_app.processes import Asked, Ended, NoAnswer, Processes, wants_colour

REPOSITORY = Path(__file__).parents[2]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")

SLEEPER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
POLITE = """
import signal, sys
signal.signal(15, lambda *_: sys.exit(print('stopped', flush=True)))
print('up', flush=True)
signal.pause()
"""


def python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def eventually(true: Callable[[], bool], within: float = 10.0) -> bool:
    """Look until it is so; for what sends no event, such as the end of somebody else's child."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def family(pid: int) -> set[int]:
    """The process, and all that it and its children started."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@pytest.fixture
def out() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def processes(out: io.BytesIO) -> Iterator[Processes]:
    with Processes(out, names=["one", "other"]) as them:
        yield them


def start(processes: Processes, name: str, source: str, patience: float = 5.0) -> int:
    child = processes.start(name, python(source), patience=patience, sign="up")
    processes.until(child.ready.is_set, 10, f"{name} never came up")
    return child.process.pid


def test_every_line_stands_whole_behind_its_padded_name(processes: Processes, out: io.BytesIO) -> None:
    chatter = "import os\nfor i in range(500): os.write(1, b'half '); os.write(1, b'and half %d\\n' % i)"
    for name in ("one", "other"):
        processes.start(name, python(chatter))
    for _ in range(2):
        with pytest.raises(Ended):
            processes.watch(10)
    lines = out.getvalue().decode().splitlines()
    for name in ("one  ", "other"):
        assert [line for line in lines if line.startswith(name)] == [f"{name} | half and half {i}" for i in range(500)]
    assert len(lines) == 1000


def test_last_words_without_a_newline_are_printed_too(processes: Processes, out: io.BytesIO) -> None:
    processes.run("one", python("print('ouch', end='')"))
    assert out.getvalue() == b"one   | ouch\n"


def test_a_line_comes_when_it_is_said_and_not_when_the_process_ends(processes: Processes) -> None:
    start(processes, "one", SLEEPER)


def test_names_are_coloured_only_for_a_terminal_that_wants_it() -> None:
    leader, follower = os.openpty()
    with open(leader, "rb"), open(follower, "wb") as terminal:
        assert wants_colour(terminal, {"TERM": "xterm"})
        assert not wants_colour(terminal, {"TERM": "xterm", "NO_COLOR": "1"})
        assert not wants_colour(terminal, {"TERM": "dumb"})
    assert not wants_colour(io.BytesIO(), {"TERM": "xterm"})


def test_colour_ends_before_the_line_begins(out: io.BytesIO) -> None:
    with Processes(out, names=["one"], colour=True) as processes:
        processes.run("one", python("print('hello')"))
    assert re.fullmatch(rb"\x1b\[\d+mone \| \x1b\[0mhello\n", out.getvalue())


@pytest.mark.parametrize(
    ("source", "sentence", "status"),
    [
        ("raise SystemExit(7)", "one ended with exit code 7", 7),
        ("pass", "one ended with exit code 0", 0),
        ("import os; os.kill(os.getpid(), 9)", "one was killed by SIGKILL", -9),
    ],
)
def test_a_process_that_ends_by_itself_is_named_with_its_status(
    processes: Processes, source: str, sentence: str, status: int
) -> None:
    start(processes, "other", SLEEPER)
    processes.start("one", python(source))
    with pytest.raises(Ended, match=sentence + "$") as ended:
        processes.watch(10)
    assert (ended.value.name, ended.value.status) == ("one", status)


def test_work_that_fails_or_another_process_that_ends_meanwhile_is_no_success(processes: Processes) -> None:
    with pytest.raises(Ended, match="one ended with exit code 1"):
        processes.run("one", python("raise SystemExit(1)"))
    processes.start("other", python("pass"))
    with pytest.raises(Ended, match="other ended with exit code 0"):
        processes.run("one", python(SLEEPER))


def test_what_does_not_answer_in_time_is_complained_about(processes: Processes) -> None:
    with pytest.raises(NoAnswer, match="it is silent"):
        processes.until(lambda: False, 0.1, "it is silent")


def test_waiting_for_an_answer_ends_when_a_process_does(processes: Processes) -> None:
    processes.start("one", python("pass"))
    with pytest.raises(Ended):
        processes.until(lambda: False, 60, "too late")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_afterwards_does_what_it_did_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Processes(io.BytesIO()) as processes:
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        with pytest.raises(Asked):
            processes.watch(10)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("make", [os.pipe, os.openpty])
def test_a_terminal_or_pipe_that_is_gone_asks_to_stop_even_if_nothing_is_printed(
    make: Callable[[], tuple[int, int]],
) -> None:
    reader, writer = make()
    with open(writer, "wb", buffering=0) as out, Processes(out) as processes:
        pid = start(processes, "one", SLEEPER)
        os.close(reader)
        with pytest.raises(Asked):
            processes.watch(10)
    assert not lives(pid)


def test_they_are_stopped_in_reverse_order_one_after_the_other(processes: Processes, out: io.BytesIO) -> None:
    pids = [start(processes, name, POLITE) for name in ("one", "other")]
    processes.stop()
    assert out.getvalue().splitlines()[2:] == [b"other | stopped", b"one   | stopped"]
    assert not any(map(lives, pids))


def test_the_stubborn_are_killed_when_their_patience_is_over_and_all_when_the_budget_is(
    processes: Processes,
) -> None:
    pids = [start(processes, "one", STUBBORN, patience=60), start(processes, "other", STUBBORN, patience=0.2)]
    begun = time.monotonic()
    processes.stop(budget=0.5)
    assert 0.4 < time.monotonic() - begun < 3
    assert not any(map(lives, pids))


def test_what_a_process_left_in_its_session_goes_with_it(processes: Processes) -> None:
    leaver = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).wait()"
    pid = start(processes, "one", leaver)
    everybody = family(pid)
    assert len(everybody) == 2
    processes.stop()
    assert eventually(lambda: not any(map(lives, everybody)))


def test_the_log_of_a_process_that_others_run_is_printed_and_its_end_noticed(
    processes: Processes, out: io.BytesIO, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("first\n")
    ended = threading.Event()
    processes.follow("one", log, lambda: 3 if ended.wait(10) else 4)
    with log.open("a") as more:
        more.write("second\n")
    processes.until(lambda: b"second" in out.getvalue(), 10, "the log was not followed")
    assert out.getvalue() == b"one   | first\none   | second\n"
    ended.set()
    with pytest.raises(Ended, match="one ended with exit code 3"):
        processes.watch(10)


@linux_only
def test_killing_the_parent_leaves_no_child_behind() -> None:
    source = f"""
import sys
from sample_app.processes import Processes
with Processes(sys.stdout.buffer) as processes:
    for name in ("one", "other"):
        child = processes.start(name, [sys.executable, "-c", {SLEEPER!r}], sign="up")
        processes.until(child.ready.is_set, 10, "never")
    processes.write(b"running\\n")
    processes.watch()
"""
    with subprocess.Popen(python(source), stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
        assert parent.stdout
        assert parent.stdout.read(1)
        while b"running" not in parent.stdout.readline():
            pass
        everybody = family(parent.pid)
        assert len(everybody) == 3
        parent.kill()
    assert eventually(lambda: not any(map(lives, everybody)))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield int(door.getsockname()[1])


def free_ports(number: int) -> list[int]:
    doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(door.getsockname()[1]) for door in doors]
    for door in doors:
        door.close()
    return ports


@pytest.mark.parametrize("name", ["PORT", "LONGPOLL_PORT", "SMTP_PORT", "SLOW_API_PORT"])
def test_a_taken_port_is_one_sentence_that_names_the_variable_and_nothing_is_started(
    name: str, taken: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    web, longpoll = free_ports(2)
    for variable, port in {"PORT": web, "LONGPOLL_PORT": longpoll, name: taken}.items():
        monkeypatch.setenv(variable, str(port))
    assert main(["--dir", str(tmp_path / "dev")]) == 2
    said = capsys.readouterr().err
    sentence = rf"port {taken} is taken: choose another with {name}, for instance {name}=\d+ make demo\n"
    assert re.fullmatch(sentence, said)
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize("text", ["0", "65536", "eighty", "-1", "80 ", "٨٠"])
def test_a_port_that_is_none_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(Refused, match=f"^PORT is {re.escape(repr(text))} and must be a port"):
        Ports.choose({"PORT": text})


def test_one_port_for_two_servers_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Refused, match=f"port {port} is taken: choose another with LONGPOLL_PORT"):
        Ports.choose({"PORT": str(port), "LONGPOLL_PORT": str(port)})


def test_an_address_of_another_machine_is_refused() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Refused, match=f"port {port} on 192.0.2.1 cannot be opened .*: choose others with PORT and"):
        Ports.choose({"PORT": str(port), "HOST": "192.0.2.1"})


def test_a_port_that_nobody_types_makes_way() -> None:
    web, longpoll = free_ports(2)
    first = Ports.choose({"PORT": str(web), "LONGPOLL_PORT": str(longpoll)})
    with socket.create_server(("127.0.0.1", first.smtp)), socket.create_server(("127.0.0.1", first.slow_api)):
        second = Ports.choose({"PORT": str(web), "LONGPOLL_PORT": str(longpoll)})
    assert len({web, longpoll, first.smtp, first.slow_api, second.smtp, second.slow_api}) == 6


class Demo:
    """The demo itself, as ``make demo`` starts it, in a folder and on ports of its own."""

    def __init__(self, folder: Path, before: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.web, self.longpoll = free_ports(2)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_URL"))}
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "sample_app.demo", "--dir", str(folder), "--tied"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=REPOSITORY,
            env={**kept, "PORT": str(self.web), "LONGPOLL_PORT": str(self.longpoll)},
        )
        self.said: list[str] = []
        self.family: set[int] = set()

    def await_ready(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line)
            if "Ctrl-C stops everything" in line:
                self.family = family(self.process.pid)
                return
        pytest.fail("the demo ended before it was ready:\n" + "".join(self.said))

    def await_end(self) -> int:
        assert self.process.stdout
        with self.process.stdout as rest:
            self.said += rest  # to its end, or a full pipe would hold it up
        return self.process.wait()

    def left(self) -> bool:
        return any(map(lives, self.family)) or Cluster(self.folder / "postgres").is_occupied()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start_demo(*before: str) -> Demo:
        started.append(Demo(tmp_path / "dev", before))
        started[-1].await_ready()
        return started[-1]

    yield start_demo
    for one in started:
        one.process.kill()
        assert one.process.stdout
        one.process.stdout.close()
        one.process.wait()
    assert eventually(lambda: not any(one.left() for one in started))
    EmbeddedPostgres(tmp_path / "dev" / "postgres").destroy()


def get(port: int, path: str) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().status
    finally:
        line.close()


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_answers_at_the_addresses_that_it_prints_and_leaves_nothing_behind(
    demo: Callable[..., Demo], number: signal.Signals
) -> None:
    one = demo()
    addresses = re.findall(r"http://127\.0\.0\.1:(\d+)\n", "".join(one.said))
    assert addresses[-2:] == [str(one.web), str(one.longpoll)]
    assert [get(one.web, "/"), get(one.longpoll, "/longpoll.js")] == [200, 200]
    assert len(one.family) > 8  # the demo, PostgreSQL and its own, the worker's, and four more
    begun = time.monotonic()
    one.process.send_signal(number)
    assert one.await_end() == 0
    assert time.monotonic() - begun < 5
    assert not one.left()


@pytest.mark.system
def test_a_second_demo_takes_less_than_three_seconds_to_have_its_data_back_and_keeps_its_secret(
    demo: Callable[..., Demo],
) -> None:
    one = demo()
    secret = (one.folder / "secret").read_text()
    assert (one.folder / "secret").stat().st_mode & 0o777 == 0o600
    one.process.terminate()
    one.await_end()
    begun = time.monotonic()
    with EmbeddedPostgres(one.folder / "postgres"):
        assert time.monotonic() - begun < 3
    assert (demo().folder / "secret").read_text() == secret


@linux_only
@pytest.mark.system
def test_a_killed_demo_leaves_nothing_behind(demo: Callable[..., Demo]) -> None:
    one = demo()
    one.process.kill()
    assert eventually(lambda: not one.left(), within=5)


@linux_only
@pytest.mark.system
def test_a_demo_whose_make_was_killed_leaves_nothing_behind(demo: Callable[..., Demo]) -> None:
    one = demo("sh", "-c", '"$@"; exit $?', "sh")
    one.process.kill()
    assert eventually(lambda: not one.left(), within=5)


@linux_only
@pytest.mark.system
def test_a_demo_that_loses_a_process_says_which_and_stops(demo: Callable[..., Demo]) -> None:
    one = demo()
    web = next(pid for pid in one.family if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0-m\0sample_app\0"))
    os.kill(web, signal.SIGKILL)
    assert one.await_end() == 1
    assert "web was killed by SIGKILL: stopping everything" in "".join(one.said)
    assert not one.left()
