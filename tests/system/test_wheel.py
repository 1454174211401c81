"""The wheel, installed where nothing of ours is, has all that it needs inside it."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import psycopg
import pytest

from longpoll.script import joined

pytestmark = pytest.mark.system

REPOSITORY = Path(__file__).parents[2]

GREETINGS = """\
from queueapi import Job

class Greet(Job):
    name: str

    def run(self):
        return f"Hello, {self.name}!"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(build, check=True, capture_output=True, cwd=folder)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it; its dependencies are lent by the one that runs the tests, so that no
    network is needed. The checkout is not in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([*pip, "--disable-pip-version-check"], check=True)
    own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    # A plain line of a .pth adds a folder, and its .pth files (the editable install among them) are not read.
    lent = [path for path in site.getsitepackages() if path.endswith("site-packages")]
    (Path(own.strip()) / "lent.pth").write_text("\n".join(lent))
    (folder / "greetings.py").write_text(GREETINGS)
    return folder


def run(elsewhere: Path, dsn: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program of that environment, in that folder."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "PG"))
    }
    environment |= {"DATABASE_URL": dsn, "PYTHONPATH": str(elsewhere)}
    program = str(elsewhere / "venv" / "bin" / words[0])
    return subprocess.run([program, *words[1:]], capture_output=True, text=True, cwd=elsewhere, env=environment)


def test_the_wheel_holds_the_sql_the_migrations_the_script_for_the_browser_and_the_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    for file in [
        *(REPOSITORY / "queueapi").rglob("*.sql"),
        *(REPOSITORY / "queueapi").rglob("*.py"),
        *(REPOSITORY / "longpoll").rglob("*.js"),
        *(REPOSITORY / "longpoll").rglob("*.py"),
    ]:
        assert str(file.relative_to(REPOSITORY)) in inside
    for file in (REPOSITORY / "migrations").glob("*.sql"):
        assert f"queueapi/postgres/migrations/{file.name}" in inside
    assert {"queueapi/py.typed", "longpoll/py.typed", "longpoll/static/longpoll/client.js"} <= inside
    assert not [name for name in inside if name.startswith(("tests", "sample_app", "benchmarks"))]


def test_the_installed_wheel_migrates_pushes_and_works_outside_the_checkout(elsewhere: Path, empty_dsn: str) -> None:
    where = run(elsewhere, empty_dsn, "python", "-c", "import queueapi, longpoll; print(queueapi.__file__)")
    assert where.stdout.startswith(str(elsewhere)), where.stderr

    migrated = run(elsewhere, empty_dsn, "queueapi", "migrate")
    assert "applied 0001_jobs.sql" in migrated.stdout, migrated.stderr
    pushed = run(
        elsewhere, empty_dsn, "python", "-c",
        "from queueapi import queue; from greetings import Greet; print(queue.push(Greet('Ada')).id)",
    )  # fmt: skip
    assert pushed.returncode == 0, pushed.stderr
    worked = run(elsewhere, empty_dsn, "queueapi-work", "greetings", "--burst")
    assert worked.returncode == 0, worked.stderr
    assert str(REPOSITORY) not in worked.stderr

    with psycopg.connect(empty_dsn) as connection:
        finished = connection.execute("select id::text, state, result from queueapi.finished").fetchall()
    assert finished == [(pushed.stdout.strip(), "done", "Hello, Ada!")]
    assert "1" in run(elsewhere, empty_dsn, "queueapi", "status").stdout


def test_the_installed_wheel_reads_its_own_sql_and_not_the_checkouts(elsewhere: Path, empty_dsn: str) -> None:
    program = """
import queueapi.postgres.migrate as migrate, queueapi.postgres.statements as statements
from importlib.resources import files
print(migrate._folder()); print(files("queueapi.postgres") / "sql"); print(len(migrate.migrations()))
"""
    migrations, sql, count = run(elsewhere, empty_dsn, "python", "-c", program).stdout.split()
    assert migrations.startswith(str(elsewhere))
    assert sql.startswith(str(elsewhere))
    assert int(count) == len(list((REPOSITORY / "migrations").glob("*.sql")))


def test_the_installed_wheel_has_the_script_for_the_browser(elsewhere: Path, empty_dsn: str) -> None:
    program = "from longpoll.script import joined; print(joined())"
    assert run(elsewhere, empty_dsn, "python", "-c", program).stdout.strip() == joined().strip()


TESTS = """\
import queueapi
from greetings import Greet
from queueapi.testing import assert_pushed

def test_what_is_pushed(test_queue):
    queueapi.queue.push(Greet("Ada"))
    assert_pushed(test_queue, Greet, name="Ada")

def test_for_real(queueapi_db, queueapi_worker):
    handle = queueapi.queue.push(Greet("Ada"))
    queueapi_worker.drain()
    assert handle.result() == "Hello, Ada!"
"""


def test_the_installed_wheel_has_fixtures_that_pytest_finds_by_itself(elsewhere: Path, empty_dsn: str) -> None:
    (elsewhere / "test_greetings.py").write_text(TESTS)
    tested = run(elsewhere, empty_dsn, "python", "-W", "error", "-m", "pytest", "-q", "test_greetings.py")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 passed" in tested.stdout
