"""The bell in real browsers: it counts in every tab, by each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_app.imports.example import example_csv
from tests.sample_app.live.browsers import WAYS, People, begin, listens

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.mark.parametrize("way", WAYS)
def test_the_bell_counts_in_all_tabs_and_what_is_read_in_one_is_read_in_the_others(people: People, way: str) -> None:
    one, other = people.come(way), people.come(way)
    path = begin(one)
    tab = one.context.new_page()
    tab.goto("/imports")
    other.goto(path)
    other.fill("#name", "Grace")
    for number in ("1", "2"):
        other.fill("#body", f"Number {number}")
        other.click("#comment button")
        for page in (one, tab):
            page.locator(f"#bell [data-part=count]:text-is('{number}')").wait_for()
    assert tab.title().startswith("(2) ")
    assert other.inner_text("#bell [data-part=count]") == ""
    tab.click("#bell [data-part=opener]")
    tab.locator("#bell .unread >> nth=1").wait_for()
    assert WAYS[way] in tab.inner_text("#bell-drop [data-live=way]")
    tab.click("#bell .unread >> nth=0 >> button")  # leads to the comment, and is read
    tab.wait_for_url(f"**{path}#comment-*")
    for page in (one, tab):
        page.locator("#bell [data-part=count]:text-is('1')").wait_for()
    tab.goto("/bell")
    tab.click("main button >> nth=0")
    one.wait_for_function("() => document.querySelector('#bell [data-part=count]').textContent === ''")
    assert not one.title().startswith("(")


def test_a_job_that_ends_rings_wherever_its_starter_is(people: People, tmp_path: Path) -> None:
    page, elsewhere = people.come(), people.come()
    elsewhere.goto("/")
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"".join(example_csv(200, 3)))
    page.goto("/imports")
    page.set_input_files("#file", str(file))
    page.click("main button")
    page.wait_for_url("**/runs/*")
    page.locator("#push[data-tone=done]").wait_for()
    page.locator("#bell [data-part=count]:text-is('1')").wait_for()
    page.goto("/bell")
    page.locator("#notices .unread button:text('Import of contacts.csv: Everything is done: imported 197')").click()
    page.wait_for_url("**/runs/*")
    assert page.inner_text("#imported") == "197"
    assert elsewhere.inner_text("#bell [data-part=count]") == ""


def test_the_bell_can_be_tried_and_measured_alone(people: People) -> None:
    page = people.come("eventsource")
    page.goto("/bell")
    listens(page, "eventsource")
    page.evaluate("window.same = true")
    page.click("#ring button")
    page.locator("#notices .unread").wait_for()
    page.wait_for_function("() => /ms, of 1/.test(document.querySelector('[data-live=median]').textContent)")
    assert page.evaluate("window.same") is True


def test_the_list_under_the_bell_opens_and_closes_by_keyboard(people: People) -> None:
    page = people.come()
    page.goto("/rates")
    page.focus("#bell [data-part=opener]")
    page.keyboard.press("Enter")
    page.locator("#bell-drop p:text('Nothing yet')").wait_for()
    assert page.get_attribute("#bell [data-part=opener]", "aria-expanded") == "true"
    page.keyboard.press("Escape")
    assert page.locator("#bell-drop").is_hidden()
    assert page.evaluate("document.activeElement.dataset.part") == "opener"
