"""A module that is loaded when something of it is first asked for."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from queueapi.later import Later


def test_nothing_is_loaded_before_something_is_asked_for() -> None:
    program = """
import sys
from queueapi.later import Later
later = Later("queueapi.deaths")
print("queueapi.deaths" in sys.modules)
later.Dead
print("queueapi.deaths" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]


def test_it_is_the_module_from_then_on_also_where_that_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(what="before")
    monkeypatch.setitem(sys.modules, "queueapi_later", module)
    later = Later("queueapi_later")
    assert later.what == "before"
    monkeypatch.setattr(module, "what", "after")
    assert later.what == "after"


def test_what_the_module_does_not_have_is_refused_in_its_own_words() -> None:
    later = Later("queueapi.errors")
    with pytest.raises(AttributeError, match=r"module 'queueapi\.errors' has no attribute 'nothing'"):
        _ = later.nothing


def test_a_module_that_is_not_there_is_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError, match="queueapi_nowhere"):
        _ = Later("queueapi_nowhere").anything
