"""A text that several people write, in real browsers, by each way, with and without a network."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest

from tests.sample_app.live.browsers import WAYS, People, Place, agree, begin, listens, only, text, type_at_once

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.mark.parametrize("way", WAYS)
def test_two_who_write_at_once_lose_no_keystroke(people: People, way: str) -> None:
    one, other = people.come(way), people.come(way)
    path = begin(one)
    other.goto(path)
    listens(one, way)
    listens(other, way)
    type_at_once((one, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), (other, "abcdefghijklmnopqrstuvwxyz"))
    shown = agree(one, other, letters=52)
    assert only(shown, str.isupper) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # each in the order in which it was typed
    assert only(shown, str.islower) == "abcdefghijklmnopqrstuvwxyz"
    late = people.come(way)
    late.goto(path)
    assert text(late) == shown
    assert {"websocket": "socket", "eventsource": "events", "xhr": "poll"}[way] in people.asked
    assert len({"socket", "events", "poll"} & people.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_two_who_write_while_the_network_of_one_is_cut_lose_no_keystroke(
    people: People, place: Place, way: str
) -> None:
    one, other = people.come(way), people.come(way, far=True)
    path = begin(one)
    other.goto(path)
    listens(one, way)
    listens(other, way)
    type_at_once((one, "ABCD"), (other, "abcd"))
    agree(one, other, letters=8)
    place.network.cut()
    type_at_once((one, "EFGH"), (other, "efgh"))
    other.locator("#sheet [data-part=saved]:text('is kept in this browser')").wait_for()
    one.locator("#sheet [data-part=saved]:text-is('Everything is saved.')").wait_for()
    assert only(text(one), str.islower) == "abcd"
    assert only(text(other), str.isupper) == "ABCD"
    place.network.mend()
    shown = agree(one, other, letters=16)
    assert only(shown, str.isupper) == "ABCDEFGH"
    assert only(shown, str.islower) == "abcdefgh"
    type_at_once((one, "IJ"), (other, "ij"))
    assert only(agree(one, other, letters=20), str.islower) == "abcdefghij"


def test_what_could_not_be_sent_is_there_when_the_page_is_opened_again(people: People, place: Place) -> None:
    one, other = people.come(), people.come(far=True)
    path = begin(one)
    other.goto(path)
    type_at_once((one, "AB"), (other, "ab"))
    agree(one, other, letters=4)
    place.network.cut()
    type_at_once((other, "cd"))
    other.locator("#sheet [data-part=saved]:text('is kept in this browser')").wait_for()
    context = other.context
    other.close()
    type_at_once((one, "CD"))
    place.network.mend()
    again = context.new_page()
    again.goto(path)
    shown = agree(one, again, letters=8)
    assert only(shown, str.islower) == "abcd"
    assert only(shown, str.isupper) == "ABCD"
    assert again.evaluate("Object.keys(localStorage).filter(name => name.startsWith('pad-'))") == []


def test_two_who_both_wrote_without_a_network_merge(people: People, place: Place) -> None:
    one, other = people.come(far=True), people.come(far=True)
    path = begin(one)
    other.goto(path)
    type_at_once((one, "AB"), (other, "ab"))
    agree(one, other, letters=4)
    place.network.cut()
    type_at_once((one, "CDEF"), (other, "cdef"))
    for page in (one, other):
        page.locator("#sheet [data-part=saved]:text('is kept in this browser')").wait_for()
    one.keyboard.press("Backspace")
    place.network.mend()
    shown = agree(one, other, letters=11)
    assert only(shown, str.isupper) == "ABCDEF".removesuffix("F")
    assert only(shown, str.islower) == "abcdef"


def test_what_is_too_large_for_a_message_arrives_as_well(people: People) -> None:
    one, other = people.come("websocket"), people.come("xhr")
    other.goto(begin(one))
    listens(other, "xhr")
    one.fill("#text", "x" * 50_000)
    agree(one, other, letters=50_000)


def test_the_way_can_be_changed_while_others_write(people: People) -> None:
    one, other = people.come("xhr"), people.come("websocket")
    other.goto(begin(one))
    expected = ""
    for letter, way in zip("ABCDEF", [*WAYS, *reversed(WAYS)], strict=True):
        one.check(f"#live input[value={way}]")
        type_at_once((other, letter))  # while the page is between two ways
        listens(one, way)
        type_at_once((other, letter.lower()))
        expected += letter + letter.lower()
        assert agree(one, other, letters=len(expected)) == expected
    one.reload()
    assert one.is_checked("#live input[value=websocket]")


def test_the_panel_counts_requests_and_messages_and_measures(people: People) -> None:
    page = people.come("websocket")
    begin(page)
    listens(page, "websocket")
    type_at_once((page, "abc"))
    page.wait_for_function("() => /ms, of [1-9]/.test(document.querySelector('[data-live=median]').textContent)")
    assert page.inner_text("#live [data-live=requests]") == "1"
    assert int(page.inner_text("#live [data-live=messages]")) >= 1
    page.check("#live input[value=xhr]")
    listens(page, "xhr")
    type_at_once((page, "def"))
    page.wait_for_function("() => Number(document.querySelector('#live [data-live=requests]').textContent) > 1")


def test_what_was_typed_before_the_script_ran_is_kept(people: People) -> None:
    one, other = people.come(), people.come()
    path = begin(one)
    type_at_once((one, "AB"))
    agree(one, letters=2)
    held: list[Any] = []
    other.route("**/pad.js", lambda route: held.append(route))
    other.goto(path, wait_until="commit")
    other.locator("#text").wait_for()
    other.keyboard.press("Control+End")
    type_at_once((other, "ab"))
    type_at_once((one, "CD"))
    held[0].continue_()
    shown = agree(one, other, letters=6)
    assert only(shown, str.isupper) == "ABCD"
    assert only(shown, str.islower) == "ab"


def test_undo_takes_back_what_was_typed_here_and_nothing_else(people: People) -> None:
    one, other = people.come(), people.come()
    other.goto(begin(one))
    type_at_once((one, "mine "))
    agree(one, other, letters=5)
    other.focus("#text")
    other.keyboard.press("Control+End")
    other.keyboard.type("yours")
    agree(one, other, letters=10)
    one.focus("#text")
    one.keyboard.press("Control+z")
    assert agree(one, other, letters=5) == "yours"
    one.keyboard.press("Control+Shift+z")
    assert agree(one, other, letters=10) == "mine yours"


def test_a_word_that_an_input_method_composes_is_not_torn_by_what_others_write(people: People) -> None:
    one, other = people.come(), people.come()
    other.goto(begin(one))
    type_at_once((one, "ab"))
    agree(one, other, letters=2)
    one.focus("#text")
    keys = one.context.new_cdp_session(one)
    keys.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    other.focus("#text")
    other.keyboard.press("Control+Home")
    other.keyboard.type("YZ")
    agree(other, letters=4)
    one.wait_for_function("() => document.querySelector('#sheet [data-part=who]').textContent !== ''")  # it has arrived
    assert text(one) == "abにほ"
    keys.send("Input.insertText", {"text": "日本"})
    assert agree(one, other, letters=6) == "YZab日本"


def test_without_scripts_texts_and_comments_are_forms(people: People, place: Place) -> None:
    page = people.come(java_script_enabled=False)
    page.goto("/pads")
    page.fill("#title", "By hand")
    page.click("main button")
    page.fill("#text", "As one wrote in the old days")
    page.click("#sheet button")
    assert text(page) == "As one wrote in the old days"
    page.fill("#name", "Emmy")
    page.fill("#body", "It still works")
    page.click("#comment button")
    assert page.inner_text("#said .body") == "It still works"
    assert page.locator("#live").is_hidden()
    with urllib.request.urlopen(place.near + page.evaluate("location.pathname")) as answer:
        assert b"As one wrote in the old days</textarea>" in answer.read()


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_is_wider_than_the_window(people: People, width: int) -> None:
    page = people.come()
    page.set_viewport_size({"width": width, "height": 800})
    begin(page, "A title of seventy letters without a single place to break it in two pieces"[:70].replace(" ", ""))
    page.fill("#name", "Ada")
    page.fill("#body", "x" * 300)
    page.click("#comment button")
    page.locator("#said li").wait_for()
    for opened in (False, True):
        if opened:
            page.click("#bell [data-part=opener]")
            page.locator("#bell-drop").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
