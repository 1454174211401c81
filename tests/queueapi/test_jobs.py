"""What can be a job, and what it says while it runs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import msgspec
import pytest

import queueapi
from queueapi import Job, NotAJob, SettingsError, job
from queueapi.kinds import kinds
from queueapi.options import Options


class Mail(Job, kind="tests.mail", queue="mail", priority=5, max_attempts=3):
    to: str
    copies: list[str] = dataclasses.field(default_factory=list)
    sent: ClassVar[list[str]] = []

    def run(self) -> str:
        return f"{self.to} {self.copies}"


def test_a_subclass_is_a_dataclass_by_declaration() -> None:
    assert Mail("a@b") == Mail(to="a@b", copies=[])
    assert repr(Mail("a@b", ["c"])).endswith("Mail(to='a@b', copies=['c'])")
    assert [field.name for field in dataclasses.fields(Mail)] == ["to", "copies"]
    with pytest.raises(TypeError, match="'to'"):
        Mail()  # type: ignore[call-arg]


def test_a_subclass_is_known_under_its_kind_at_once_and_with_its_options() -> None:
    kind = kinds.of(Mail("a@b"))
    assert (kind.name, kind.cls, kind.options) == ("tests.mail", Mail, Options("mail", 5, 3))
    assert kinds.named("tests.mail") is kind


def test_a_kind_that_is_not_given_is_the_address_of_the_class() -> None:
    class Local(Job):
        def run(self) -> None: ...

    assert kinds.of(Local()).name == f"{__name__}.{Local.__qualname__}"


def test_options_are_inherited_one_by_one_and_the_kind_is_not() -> None:
    class Urgent(Mail, priority=-1):
        reason: str = ""

    kind = kinds.of(Urgent("a@b", reason="fire"))
    assert kind.options == Options("mail", -1, 3)
    assert kind.name.endswith("Urgent")
    assert kinds.of(Mail("a@b")).options.priority == 5


def test_a_base_without_run_is_no_job_and_its_options_count_all_the_same() -> None:
    class Slow(Job, queue="slow"):
        tries: int = 0

    class Import(Slow, kind="tests.import"):
        def run(self) -> None: ...

    assert kinds.of(Import(tries=2)).options == Options(queue="slow")
    with pytest.raises(NotAJob, match=r"Slow has no run\(\), so there is nothing to do"):
        kinds.of(Slow())


@pytest.mark.parametrize("name", ["run", "progress"])
def test_a_field_that_would_hide_what_jobs_need_is_refused_at_import(name: str) -> None:
    with pytest.raises(SettingsError, match=f"a field named '{name}'"):
        type("Bad", (Job,), {"__annotations__": {name: int}, "__module__": __name__})


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"queue": "a b"}, "'a b'"),
        ({"priority": 40_000}, "priority is 40000"),
        ({"priority": 1.5}, "priority is 1.5"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"max_attempts": True}, "max_attempts is True"),
        ({"kind": "ä"}, "'ä'"),
    ],
)
def test_an_option_that_the_table_has_no_room_for_is_refused_at_import(options: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):

        class Bad(Job, **options):
            def run(self) -> None: ...


def test_any_class_with_run_becomes_a_job_by_the_decorator() -> None:
    @job
    class Report:
        def __init__(self, month: int, name: str = "all") -> None:
            self.month = month
            self.name = name

        def run(self) -> int:
            return self.month

    kind = kinds.of(Report(5))
    assert kind.cls is Report
    assert [(field.name, field.type) for field in dataclasses.fields(kind.schema)] == [("month", int), ("name", str)]
    assert Report(5).run() == 5


def test_the_decorator_makes_a_dataclass_of_declared_fields() -> None:
    @job(kind="tests.declared", queue="q")
    class Declared:
        number: int
        text: str = "t"

        def run(self) -> None: ...

    assert Declared(1, "x") == Declared(number=1, text="x")
    assert kinds.named("tests.declared").options.queue == "q"


@pytest.mark.parametrize("make", [dataclasses.dataclass(frozen=True), attrs.frozen], ids=["dataclass", "attrs"])
def test_classes_that_declare_their_fields_otherwise_are_taken_as_they_are(make: Callable[[type], type]) -> None:
    class Plain:
        number: int

        def run(self) -> None: ...

    made: Any = job(make(Plain))
    assert kinds.of(made(3)).schema is made


def test_a_struct_is_taken_as_it_is() -> None:
    @job
    class Struct(msgspec.Struct):
        number: int

        def run(self) -> None: ...

    assert kinds.of(Struct(3)).schema is Struct


def test_a_function_stays_a_function_and_its_calls_become_jobs() -> None:
    @job(kind="tests.add", max_attempts=2)
    def add(one: int, other: int = 2) -> int:
        """Adds."""
        return one + other

    assert add(1) == 3
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    call = add.job(5, other=6)
    assert call == add.job(5, 6)
    assert call.run() == 11
    assert kinds.of(call).options.max_attempts == 2
    with pytest.raises(TypeError):
        add.job()


def test_a_mutable_default_of_a_function_is_not_shared_between_calls() -> None:
    @job
    def collect(names: list[str] = [], *, kind_of: dict[str, int] = {}) -> list[str]:  # noqa: B006
        return names

    one, other = collect.job(), collect.job()
    one.names.append("x")
    assert other.names == []


@pytest.mark.parametrize("function", [lambda *args: None, lambda **kwargs: None, lambda x, /: None])
def test_a_function_whose_arguments_have_no_names_is_refused_at_import(function: Callable[..., None]) -> None:
    with pytest.raises(NotAJob, match="cannot be stored by name"):
        job(function)


def test_what_has_no_run_or_an_async_one_is_refused_at_import() -> None:
    with pytest.raises(NotAJob, match=r"Nothing has no run\(\)"):

        @job
        class Nothing: ...

    with pytest.raises(NotAJob, match="is async"):

        class Async(Job):
            async def run(self) -> None: ...

    async def function() -> None: ...

    with pytest.raises(NotAJob, match="is async"):
        job(function)


def plain() -> None: ...


@pytest.mark.parametrize(
    ("thing", "sentence"),
    [
        (3, "int is not a job: derive it from queueapi.Job"),
        (None, "NoneType is not a job"),
        (Mail, r"Mail is a class: push an object of it, as in  queue.push\(Mail\(\.\.\.\)\)"),
        (job(kind="tests.plain")(plain), r"plain is a function: push a call of it, as in  queue.push\(plain.job"),
        (plain, "plain is a function: put @queueapi.job above it"),
        (functools.partial(plain), "partial is not a job"),
    ],
)
def test_what_is_no_job_is_told_how_to_become_one(thing: object, sentence: str) -> None:
    with pytest.raises(NotAJob, match=sentence):
        kinds.of(thing)


def test_progress_of_a_job_is_progress() -> None:
    assert Mail("a@b").progress(1, 2, "outside a job it does nothing") is None
    assert list(Mail("a@b").progress(["x"])) == ["x"]
    assert queueapi.progress(0.5) is None
