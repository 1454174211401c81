"""The picture of a part."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from benchmarks.plot import svg
from benchmarks.samples import Samples
from tests.benchmarks.parts_for_tests import PART, ledger

_SVG = "{http://www.w3.org/2000/svg}"


def _drawn(tmp_path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(svg(PART, ledger(tmp_path).read("drain")))


def test_bars_are_as_long_as_their_medians_and_the_best_comes_first(tmp_path: Path) -> None:
    bars = [rect for rect in _drawn(tmp_path).findall(f"{_SVG}rect")[1:] if rect.attrib["height"] == "14.0"]
    ours, other, latency = (float(bar.attrib["width"]) for bar in bars)
    assert ours == 2 * other
    assert latency > ours  # alone in its block, and without a spread beyond its end


def test_a_line_goes_from_the_least_to_the_most(tmp_path: Path) -> None:
    rects = _drawn(tmp_path).findall(f"{_SVG}rect")[1:]
    bar, line = rects[0], rects[1]
    end = float(bar.attrib["x"]) + float(bar.attrib["width"])
    left, right = float(line.attrib["x"]), float(line.attrib["x"]) + float(line.attrib["width"])
    assert left < end < right


def test_names_may_hold_what_means_something_in_xml(tmp_path: Path) -> None:
    texts = [text.text for text in _drawn(tmp_path).findall(f"{_SVG}text")]
    assert "a & b × 2" in texts
    assert "Drain: jobs a second – more is better" in texts


def test_the_picture_of_nothing_is_still_a_picture() -> None:
    assert ElementTree.fromstring(svg(PART, Samples())).tag == f"{_SVG}svg"
