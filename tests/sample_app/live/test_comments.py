"""Comments appear in others' browsers as they are written, by each way."""

from __future__ import annotations

import pytest

from tests.sample_app.live.browsers import WAYS, People, Place, begin, listens

pytestmark = [pytest.mark.browser, pytest.mark.system]


@pytest.mark.parametrize("way", WAYS)
def test_comments_appear_for_others_as_they_are_written(people: People, way: str) -> None:
    one, other = people.come(way), people.come(way)
    path = begin(one)
    other.goto(path)
    listens(one, way)
    listens(other, way)
    other.fill("#name", "Grace")
    other.focus("#body")
    other.keyboard.type("I <b>think</b> so")
    one.locator("#comments [data-part=who]:text-is('Grace is writing…')").wait_for()
    other.click("#comment button")
    for page in (one, other):
        page.locator("#said li .body:text-is('I <b>think</b> so')").wait_for()
        assert page.locator("#said li").count() == 1
    assert one.inner_text("#comments [data-part=who]") == ""
    assert other.input_value("#body") == ""
    assert other.inner_text("#comments > [data-part=who]") == ""
    other.fill("#body", "And so on")
    other.click("#comment button")
    one.locator("#said li >> nth=1").wait_for()
    assert one.locator("#said .body").all_inner_texts() == ["I <b>think</b> so", "And so on"]


def test_a_comment_that_was_said_while_the_network_was_cut_comes_with_it(people: People, place: Place) -> None:
    one, other = people.come(), people.come(far=True)
    other.goto(begin(one))
    for page, name in ((one, "Ada"), (other, "Grace")):
        page.fill("#name", name)
    place.network.cut()
    other.fill("#body", "From afar")
    other.click("#comment button")
    other.locator("#comment [data-part=note]:text('It could not be sent')").wait_for()
    assert other.input_value("#body") == "From afar"
    one.fill("#body", "From here")
    one.click("#comment button")
    one.locator("#said li").wait_for()
    place.network.mend()
    other.locator("#said li:has-text('From here')").wait_for()
    other.click("#comment button")
    one.locator("#said li:has-text('From afar')").wait_for()
    assert one.locator("#said li").count() == other.locator("#said li").count() == 2


def test_a_browser_of_2010_sees_comments_and_hears_the_bell(people: People) -> None:
    old, new = people.come(old=True), people.come("websocket")
    path = begin(old)
    new.goto(path)
    listens(old, "xhr")
    listens(new, "websocket")
    new.fill("#name", "Grace")
    new.fill("#body", "Hello")
    new.click("#comment button")
    old.locator("#said li .body:text-is('Hello')").wait_for()
    old.locator("#bell [data-part=count]:text-is('1')").wait_for()
    old.fill("#body", "Hello to you")
    old.click("#comment button")
    new.locator("#said li .body:text-is('Hello to you')").wait_for()
    new.locator("#bell [data-part=count]:text-is('1')").wait_for()
    assert old.locator("#sheet button").is_visible()  # the text is a form there
