"""The picture of the figures."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.figures import Figure, Target
from benchmarks.plot import svg

_SVG = "{http://www.w3.org/2000/svg}"


def _bars(figures: list[Figure]) -> list[ElementTree.Element]:
    """Its rectangles, the background left out."""
    return ElementTree.fromstring(svg(figures)).findall(f"{_SVG}rect")[1:]


def test_bars_of_one_part_and_unit_share_a_scale() -> None:
    first, second = _bars([Figure("drain", "ours", 60.0, "jobs/s"), Figure("drain", "theirs", 30.0, "jobs/s")])
    assert float(first.attrib["width"]) == 2 * float(second.attrib["width"])


def test_bars_of_another_unit_have_a_scale_of_their_own() -> None:
    first, second = _bars([Figure("drain", "ours", 60_000.0, "jobs/s"), Figure("drain", "ratio", 2.0, "×")])
    assert first.attrib["width"] == second.attrib["width"]


def test_a_target_is_a_line_within_the_picture_even_when_it_is_far_off() -> None:
    bar, line = _bars([Figure("drain", "ratio", 0.5, "×", target=Target(2.0))])
    end_of_bar = float(bar.attrib["x"]) + float(bar.attrib["width"])
    assert float(line.attrib["x"]) > end_of_bar
    width = float(ElementTree.fromstring(svg([Figure("drain", "ratio", 0.5, "×", target=Target(2.0))])).attrib["width"])
    assert float(line.attrib["x"]) < width


def test_names_may_hold_what_means_something_in_xml() -> None:
    picture = ElementTree.fromstring(svg([Figure("a & b", "x < y", 1.0, "ms")]))
    texts = [text.text for text in picture.findall(f"{_SVG}text")]
    assert texts == ["a & b", "x < y", "1.00 ms"]


def test_the_picture_of_nothing_is_still_a_picture() -> None:
    assert ElementTree.fromstring(svg([])).tag == f"{_SVG}svg"
