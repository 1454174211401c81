"""The script as it is served: all of its parts, once."""

from __future__ import annotations

from pathlib import Path

from longpoll.script import PARTS, joined

FOLDER = Path(__file__).parents[2] / "longpoll" / "static" / "longpoll"


def test_every_file_is_part_of_the_script_once_and_the_manual_comes_first() -> None:
    assert sorted(["manual", *PARTS]) == sorted(file.stem for file in FOLDER.glob("*.js"))
    text = joined()
    assert text.startswith((FOLDER / "manual.js").read_text(encoding="utf-8"))
    for name in PARTS:
        assert text.count((FOLDER / f"{name}.js").read_text(encoding="utf-8")) == 1
