"""Imports point strictly down, and importing the package costs a web app nothing that it did not ask for."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("queueapi", "longpoll", "sample_app")


def test_imports_keep_the_contracts_that_pyproject_draws_up() -> None:
    # A process of its own: import-linter sets up logging, and switches off every logger that is there already.
    line: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    linted = subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_module_imports_a_package_that_it_stands_in() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    upwards = {
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if module.startswith(f"{imported}.")
    }
    assert upwards == set()


@pytest.mark.parametrize("init", sorted(REPOSITORY.glob("[ql]*/**/__init__.py")), ids=lambda init: init.parent.name)
def test_no_module_bears_the_name_of_something_that_its_package_offers(init: Path) -> None:
    offered: set[str] = set()
    top = ast.parse(init.read_text()).body
    for node in [*top, *(below for one in top if isinstance(one, ast.If) for below in one.body)]:
        match node:
            case ast.ImportFrom(names=names):
                offered.update(alias.asname or alias.name for alias in names)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                offered.add(name)
    modules = {path.stem for path in init.parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert offered & modules == set()


def test_that_look_finds_what_the_packages_offer() -> None:
    inits = {path.parent.name for path in REPOSITORY.glob("[ql]*/**/__init__.py")}
    assert {"queueapi", "postgres", "worker", "longpoll", "server"} <= inits


@pytest.mark.system
def test_importing_queueapi_loads_neither_gevent_nor_psycopg_and_connects_to_nothing() -> None:
    program = """
import socket, sys
def refuse(*_): raise AssertionError("it connects")
socket.socket.connect = refuse
import queueapi
queueapi.queue, queueapi.queue["mail"], queueapi.Job
print(*sorted(sys.modules))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    loaded = said.stdout.split()
    assert {name.partition(".")[0] for name in loaded} & {"gevent", "psycopg", "falcon", "longpoll"} == set()
    # Each took some milliseconds of what was 110, and is there as soon as a job is defined, or pushed, or looked at.
    slow = "cronsim dataclasses datetime decimal hashlib inspect json logging msgspec zoneinfo"
    assert set(slow.split()) & set(loaded) == set()
    ours = [name for name in loaded if name.startswith("queueapi")]
    assert len(ours) <= 16, ours


def test_what_the_facade_loads_later_is_what_it_shows_to_type_checkers() -> None:
    facade = importlib.import_module("queueapi")
    shown: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse((REPOSITORY / "queueapi/__init__.py").read_text())):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body):
                for one in body:
                    assert isinstance(one, ast.ImportFrom)
                    shown[f"{one.module}"] = {alias.name for alias in one.names}
    assert {f"queueapi.{home}": set(names.split()) for home, names in facade._LATER.items()} == shown
    assert set().union(*shown.values()) <= set(facade.__all__)
    assert set(facade.__all__) <= set(dir(facade))


def test_the_facade_refuses_what_it_does_not_have() -> None:
    facade = importlib.import_module("queueapi")
    with pytest.raises(AttributeError, match="module 'queueapi' has no attribute 'nothing'"):
        _ = facade.nothing


def test_everything_that_the_facade_names_is_there() -> None:
    facade = importlib.import_module("queueapi")
    assert [name for name in facade.__all__ if not hasattr(facade, name)] == []
    assert "queue" in facade.__all__
