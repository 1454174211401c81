"""What queues and kinds may be called."""

from __future__ import annotations

import pytest

from queueapi.errors import SettingsError
from queueapi.names import checked_name


@pytest.mark.parametrize("name", ["mail", "app.jobs.Report", "_", "7", "a:b-c", "m.f.<locals>.J", "x" * 200])
def test_letters_digits_and_a_few_signs_will_do(name: str) -> None:
    assert checked_name("queue", name) is name


@pytest.mark.parametrize("name", ["", "x" * 201, "a b", "ü", "-v", "a/b", "a,b", "a\n", "a\0", None, 3, b"mail"])
def test_anything_else_is_refused_by_its_value_and_with_what_will_do(name: object) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of a queue: use up to 200 letters") as caught:
        checked_name("queue", name)
    assert repr(name) in str(caught.value)
