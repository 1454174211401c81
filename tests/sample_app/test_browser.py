"""The pages in a real browser: narrow, by keyboard, with scripts and without. Push is tested in test_demo.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sample_app.imports.example import example_csv

pytestmark = [pytest.mark.browser, pytest.mark.system]

PAGES = ("/", "/notifications", "/imports", "/reports", "/rates", "/pads", "/bell", "/you", "/nothing")
OLD = "['WebSocket', 'EventSource', 'fetch'].forEach(function (name) { delete window[name]; });"


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A tab of a narrow window, with what it complained of; nothing may be complained of but the missing longpoll."""
    complaints: list[str] = []
    context = chromium.new_context(viewport={"width": 360, "height": 740}, base_url=address)
    tab = context.new_page()
    tab.add_init_script(OLD)
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    context.close()
    assert [text for text in complaints if not text.startswith("Failed to load resource")] == []


@pytest.fixture
def plain_page(chromium: Any, address: str) -> Iterator[Any]:
    """A tab without JavaScript."""
    context = chromium.new_context(java_script_enabled=False, base_url=address)
    yield context.new_page()
    context.close()


@pytest.fixture
def example(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"".join(example_csv(1000, 30)))
    return path


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_every_page_has_one_heading_and_a_title_and_every_field_a_label(page: Any) -> None:
    for path in PAGES:
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        assert page.title().endswith("the sample app"), path
        fields = page.locator("input, select")
        for number in range(fields.count()):
            assert fields.nth(number).evaluate("field => field.labels.length") == 1, path


def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(page: Any) -> None:
    page.goto("/rates")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "base"


def test_a_form_can_be_filled_in_and_sent_by_keyboard_and_its_mistakes_are_focused(page: Any) -> None:
    page.goto("/notifications")
    page.evaluate("document.querySelector('form').noValidate = true")
    page.focus("#recipients")
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_selector("#recipients-error")
    assert page.evaluate("document.activeElement.id") == "recipients"
    assert "recipients-error" in page.get_attribute("#recipients", "aria-describedby")


def test_without_scripts_a_run_is_watched_by_reloading(
    plain_page: Any, example: Path, work: Callable[[], None]
) -> None:
    page = plain_page
    page.goto("/imports")
    page.set_input_files("#file", example)
    page.click("button")
    page.wait_for_url("**/runs/*")
    assert page.inner_text("#by-hand [data-part=state]") == "Waiting"
    assert "Reload by hand instead" in page.inner_text("#polling")
    work()
    page.click("#by-hand a")
    assert page.inner_text("#by-hand [data-part=state]") == "Done"
    assert page.inner_text("#imported") == "970"
    assert page.locator("#bad-rows tbody tr").count() == 30


def test_with_scripts_the_second_rung_follows_and_the_outcome_comes_without_reloading(
    page: Any, example: Path, work: Callable[[], None]
) -> None:
    page.goto("/imports")
    page.set_input_files("#file", example)
    page.click("button")
    page.wait_for_url("**/runs/*")
    page.evaluate("window.same = true")
    assert page.inner_text("#polling [data-part=state]") == "Waiting"
    page.wait_for_selector("#polling [data-part=requests]:text-is('2')")
    assert re.fullmatch(r"[\d.]+ s", page.inner_text("#polling [data-part=age]"))
    work()
    page.wait_for_selector("#bad-rows")
    assert page.inner_text("#imported") == "970"
    assert page.inner_text("#polling [data-part=state]") == "Done"
    assert page.inner_text("#polling [data-part=percent]") == "100 %"
    assert page.evaluate("window.same") is True
    assert page.inner_text("#by-hand [data-part=state]") == "Waiting"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_push_server_that_is_away_is_said_so_and_the_other_rungs_go_on(page: Any, example: Path) -> None:
    page.goto("/imports")
    page.set_input_files("#file", example)
    page.click("button")
    page.wait_for_url("**/runs/*")
    page.wait_for_selector("#push [data-part=note]:has-text('did not answer')")
    page.wait_for_selector("#polling [data-part=requests]:text-is('2')")
