"""The pages' scripts: in a language that their browsers read, and what is pure in them, tried in node."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.sample_app.conftest import node

STATIC = Path(__file__).parents[2] / "sample_app" / "static"
# What IE 8 reads, which shows runs, the bell and comments; and the modules, which it never asks for.
ES3 = ("page.js", "live.js", "bell.js", "writers.js", "comments.js")
ES5 = ("run.js", "words.js")
MODULES = ("base64.js", "binding.js", "outbox.js", "pad.js", "yjs.js")


def parse(name: str, options: str) -> str:
    return f"""
        const acorn = require('internal/deps/acorn/acorn/dist/acorn');
        acorn.parse({json.dumps((STATIC / name).read_text())}, {{{options}}});
        console.log('true');
    """


@pytest.mark.parametrize("name", ES3)
def test_what_old_browsers_load_is_es3(name: str) -> None:
    assert node(parse(name, "ecmaVersion: 3, allowReserved: 'never'"), "--expose-internals")


@pytest.mark.parametrize("name", ES5)
def test_the_scripts_of_runs_are_plain_es5(name: str) -> None:
    assert node(parse(name, "ecmaVersion: 5"), "--expose-internals")


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_read_by_every_browser_that_has_modules(name: str) -> None:
    assert node(parse(name, "ecmaVersion: 2018, sourceType: 'module'"), "--expose-internals")


def test_every_script_is_held_to_some_language() -> None:
    assert {path.name for path in STATIC.glob("*.js")} == {*ES3, *ES5, *MODULES}


def test_yjs_names_its_version_and_carries_its_licences() -> None:
    head = (STATIC / "yjs.js").read_text().partition("*/")[0]
    versions = (STATIC.parent / "vendor" / "yjs.sh").read_text()
    assert "YJS=13.6.33" in versions
    assert "Yjs 13.6.33" in head
    assert head.count("Permission is hereby granted, free of charge") == 3


def binding(expression: str) -> str:
    """A program that writes what the expression, over the module's functions, comes to."""
    source = (STATIC / "binding.js").read_text().replace("export ", "")
    return f"{source}\nconsole.log(JSON.stringify({expression}));"


def test_the_difference_is_what_makes_the_later_text_of_the_earlier() -> None:
    chance = random.Random(11)
    alphabet = ["a", "b", " ", "\n", "😀", "😁", "é"]  # the two faces share their first half

    def letters(most: int) -> str:
        return "".join(chance.choices(alphabet, k=chance.randint(0, most)))

    cases = []
    for _ in range(3000):
        before = letters(12)
        start = chance.randint(0, len(before))
        end = chance.randint(start, len(before))
        typed = letters(3)
        after = before[:start] + typed + before[end:]
        caret = len((after[: start + len(typed)]).encode("utf-16-le")) // 2
        cases.append([before, after, caret if chance.random() < 0.8 else chance.randint(0, 2 * len(after))])
    wrong = node(
        binding(
            f"""{json.dumps(cases)}.filter(([before, after, caret]) => {{
                const {{at, removed, added}} = difference(before, after, Math.min(caret, after.length));
                const whole = (text) => !/[\\ud800-\\udbff]$|^[\\udc00-\\udfff]/.test(text);
                const gone = before.slice(at, at + removed);
                const made = before.slice(0, at) + added + before.slice(at + removed);
                return made !== after || !whole(added) || !whole(gone);
            }})"""
        )
    )
    assert wrong == []


@pytest.mark.parametrize(
    ("before", "after", "caret", "expected"),
    [
        ("aaa", "aaaa", 2, {"at": 1, "removed": 0, "added": "a"}),  # typed before the second, not after the last
        ("aaaa", "aaa", 1, {"at": 1, "removed": 1, "added": ""}),
        ("one two", "one 2", 5, {"at": 4, "removed": 3, "added": "2"}),
        ("one two", "ONE two", 7, {"at": 0, "removed": 3, "added": "ONE"}),  # changed by a program, caret elsewhere
        ("", "x", 1, {"at": 0, "removed": 0, "added": "x"}),
        ("😀", "😁", 2, {"at": 0, "removed": 2, "added": "😁"}),
    ],
)
def test_the_caret_says_which_of_like_letters_was_meant(
    before: str, after: str, caret: int, expected: dict[str, object]
) -> None:
    assert node(binding(f"difference({json.dumps(before)}, {json.dumps(after)}, {caret})")) == expected


@pytest.mark.parametrize(
    ("place", "delta", "expected"),
    [
        (3, [{"insert": "xx"}], 5),
        (3, [{"retain": 3}, {"insert": "xx"}], 3),  # what comes right behind the caret does not push it
        (3, [{"retain": 4}, {"insert": "xx"}], 3),
        (5, [{"retain": 2}, {"delete": 2}], 3),
        (3, [{"retain": 2}, {"delete": 9}], 2),
        (3, [{"delete": 1}, {"insert": "xx"}, {"retain": 1}, {"delete": 1}], 3),
        (0, [{"delete": 2}], 0),
    ],
)
def test_the_caret_stays_at_its_word_whatever_others_write(place: int, delta: list[object], expected: int) -> None:
    assert node(binding(f"moved({place}, {json.dumps(delta)})")) == expected
