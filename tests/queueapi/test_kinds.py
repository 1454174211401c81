"""The registry of kinds."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from queueapi import Job, KindTaken, UnknownKind, job
from queueapi.kinds import Kind, Kinds, address_of
from queueapi.options import Options


def kind(name: str, cls: type) -> Kind:
    return Kind(name, cls, cls, Options())


def test_two_classes_under_one_kind_are_refused_at_import_by_their_addresses() -> None:
    class One(Job, kind="tests.same"):
        def run(self) -> None: ...

    with pytest.raises(KindTaken) as caught:

        class Other(Job, kind="tests.same"):
            def run(self) -> None: ...

    for word in (address_of(One), "Other", "'tests.same'", 'kind="monthly_report"'):
        assert word in str(caught.value)
    assert One.__name__ == "One"


def test_a_function_and_a_class_cannot_share_a_kind_either() -> None:
    @job(kind="tests.shared")
    def one() -> None: ...

    with pytest.raises(KindTaken):

        @job(kind="tests.shared")
        def other() -> None: ...


def test_a_module_that_is_imported_again_replaces_its_own_kinds() -> None:
    kinds = Kinds()
    one = type("Same", (), {"__module__": "app.jobs"})
    again = type("Same", (), {"__module__": "app.jobs"})
    kinds.add(kind("app.same", one))
    kinds.add(kind("app.same", again))
    assert kinds.named("app.same").cls is again
    assert len(kinds) == 1


def test_a_name_found_in_a_row_is_looked_up_and_never_imported() -> None:
    assert "antigravity" not in sys.modules
    with pytest.raises(UnknownKind, match=r"no job is registered under the kind 'antigravity.fly'"):
        Kinds().named("antigravity.fly")
    assert "antigravity" not in sys.modules


@pytest.mark.system
def test_a_job_of_the_running_script_is_refused_since_no_worker_could_import_it(python: Callable[..., str]) -> None:
    program = """
import queueapi
class Script(queueapi.Job):
    def run(self): ...
class Named(queueapi.Job, kind="named"):
    def run(self): ...
try:
    queueapi.queue.push(Script())
except queueapi.NotAJob as error:
    print(error)
from queueapi.kinds import kinds
print(kinds.of(Named()).name)
"""
    refusal, named = python(program).splitlines()
    assert refusal.startswith("Script is defined in the script that is running")
    assert "move it to a module" in refusal
    assert named == "named"
