"""JSONP: nothing but a call of the page's own function with our JSON can come out of it."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.errors import BadRequest
from longpoll.transports.jsonp import HEADERS, checked_callback, wrap


@pytest.mark.parametrize("name", ["f", "$", "_", "jQuery19_17", "LongPoll.callbacks._3", "a.b.c", "x" * 64])
def test_a_function_s_name_is_taken(name: str) -> None:
    assert checked_callback(name) == name


INJECTIONS = [
    "", " ", "f ", " f", "f\n", "\nf", "f\r", "f\0", "f\u2028", "f\t", "f;alert(1)", "alert(1)//", "alert(1);f", "f(",
    "f()", "f`", "f[0]", "f['x']", "a..b", ".a", "a.", "a.1", "1a", "-f", "f-g", "f=g", "f,g", "f//", "/*f*/", "f/**/",
    "*/alert(1)/*", "<script>", "</script><script>alert(1)</script>", "f<!--", "<!--", "-->", "f&g", "f'", 'f"', "f\\",
    "\\u0066", "f\\u0028", "f%28", "\ufb00", "é", "\uff41lert", "\u03a9", "f\u200b", "\ufefff", "CWS\x0a",
    "CWSMIKI0hCD0Up0IZUnnnnnnnnnnnnnnnnnnnUU5nnnnnn3Snn7iiudIbEAt33(", "x" * 65, "a." * 32 + "a", None, 1, ["f"],
    ["f", "g"], b"f",
]  # fmt: skip


@pytest.mark.parametrize("name", INJECTIONS, ids=repr)
def test_what_could_be_anything_else_is_refused_and_not_repeated(name: object) -> None:
    with pytest.raises(BadRequest, match="callback should be the name of a function") as refused:
        checked_callback(name)
    assert not isinstance(name, str) or len(name) < 4 or name not in str(refused.value)


@given(st.text())
def test_every_name_that_passes_is_a_path_of_names(name: str) -> None:
    try:
        checked_callback(name)
    except BadRequest:
        return
    assert all(re.fullmatch("[A-Za-z0-9_$]+", part) and not part[0].isdigit() for part in name.split("."))


@pytest.mark.parametrize("text", ["\u2028", "\u2029", "</script>", "<!--", "<script", "]]>", "\\u003c", "é\U0001f600"])
def test_a_text_survives_whatever_it_would_mean_to_a_script(text: str) -> None:
    body = json.dumps({"data": f"a{text}b"}, ensure_ascii=False).encode()
    script = wrap("f", body).decode()
    assert not set("<\u2028\u2029") & set(script)
    assert json.loads(script.removeprefix("/**/f(").removesuffix(");")) == {"data": f"a{text}b"}


scalars = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(scalars, lambda values: st.lists(values) | st.dictionaries(st.text(), values)))
def test_all_json_survives(value: object) -> None:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    script = wrap("a.b", body).decode("utf-8", "surrogatepass")
    assert script.startswith("/**/a.b(")
    assert "<" not in script
    assert json.loads(script[8:-2]) == value


def test_no_browser_may_take_the_script_for_anything_else() -> None:
    assert HEADERS["Content-Type"] == "text/javascript; charset=utf-8"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Content-Disposition"].startswith("attachment")
