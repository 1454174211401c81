"""What is pushed, in real browsers, by each of the three ways: two who write at once, comments, the bell."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import conninfo, sql

from sample_app import db
from sample_app.imports.example import example_csv
from tests.sample_app.conftest import SECRET, free_port, program
from tests.sample_app.network import Network

pytestmark = [pytest.mark.browser, pytest.mark.system]

WAYS = {"websocket": "Websocket", "eventsource": "Event stream", "xhr": "Long-poll"}
FAR = "127.0.0.2"  # this machine, too, by a network that can be cut


class Place(NamedTuple):
    """Where the app is, directly and by the other network."""

    near: str
    far: str
    network: Network


@pytest.fixture(scope="module")
def place(server_dsn: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Web server, longpoll-serve and worker, on a database that all tests here share."""
    name = f"{template}_live"
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    db.apply_schema(dsn)
    web, push = free_port(), free_port()
    environ = {
        "DATABASE_URL": dsn,
        "QUEUEAPI_SECRET": SECRET,
        "LONGPOLL_URL": f"http://127.0.0.1:{push}",
        "PORT": str(web),
        "SPOOL_DIR": str(tmp_path_factory.mktemp("spool")),
    }
    queues = ["-q", "default", "-q", "uploads"]
    with ExitStack() as running:
        try:
            network = Network(FAR, web, push)
        except OSError:
            pytest.skip(f"{FAR} is no address of this machine")
        running.callback(network.close)
        running.enter_context(program("longpoll", environ, "--port", str(push)))
        running.enter_context(program("queueapi", environ, "work", "sample_app.jobs", *queues, sign="ready"))
        running.enter_context(program("sample_app", environ))
        yield Place(f"http://127.0.0.1:{web}", f"http://{FAR}:{web}", network)
    with psycopg.connect(server_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


class People:
    """Makes browsers, each of somebody else, and notes what goes wrong in them and what they ask longpoll for."""

    def __init__(self, chromium: Any, place: Place) -> None:
        self._chromium = chromium
        self._place = place
        self.contexts: list[Any] = []
        self.wrong: list[str] = []
        self.asked: set[str] = set()

    def come(self, way: str = "auto", far: bool = False, **more: Any) -> Any:
        base = self._place.far if far else self._place.near
        context = self._chromium.new_context(base_url=base, viewport={"width": 1280, "height": 900}, **more)
        choice = f"localStorage.getItem('way') || localStorage.setItem('way', '{way}')"
        context.add_init_script(f"if (location.protocol === 'http:') {{ {choice} }}")
        context.on("page", self._watch)
        self.contexts.append(context)
        return context.new_page()

    def _watch(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("websocket", lambda socket: self.asked.add(socket.url.partition("?")[0].rpartition("/")[2]))
        page.on("request", lambda request: self.asked.add(request.url.partition("?")[0].rpartition("/")[2]))


@pytest.fixture
def people(chromium: Any, place: Place) -> Iterator[People]:
    found = People(chromium, place)
    yield found
    place.network.mend()
    for context in found.contexts:
        context.close()
    assert found.wrong == []


def begin(page: Any, title: str = "Minutes") -> str:
    """Begin a text; returns its path."""
    page.goto("/pads")
    page.fill("#title", title)
    page.click("main button")
    page.wait_for_url("**/pads/*")
    return str(page.evaluate("location.pathname"))


def listens(page: Any, way: str) -> None:
    """Wait until the page says that it listens by this way."""
    page.locator(f"#live [data-live=way]:text('{WAYS[way]}')").wait_for()


def text(page: Any) -> str:
    return str(page.input_value("#text"))


def type_at_once(*hands: tuple[Any, str]) -> None:
    """Letter by letter, in turns faster than news travels, each at its own caret."""
    for page, _ in hands:
        page.focus("#text")
    for letters in zip(*(typed for _, typed in hands), strict=True):
        for (page, _), letter in zip(hands, letters, strict=True):
            page.keyboard.type(letter)


def agree(*pages: Any, letters: int) -> str:
    """Wait until all pages show so many letters, and return what they show, which is the same."""
    for page in pages:
        page.wait_for_function("n => document.getElementById('text').value.length === n", arg=letters)
        page.locator("#sheet [data-part=saved]:text-is('Everything is saved.')").wait_for()
    shown = {text(page) for page in pages}
    assert len(shown) == 1
    return shown.pop()


def only(shown: str, mine: Callable[[str], bool]) -> str:
    return "".join(letter for letter in shown if mine(letter))


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
