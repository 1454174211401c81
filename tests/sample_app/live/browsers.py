"""Browsers in which people write, comment and are told, and what is waited for in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.sample_app.live.network import Network

WAYS = {"websocket": "Websocket", "eventsource": "Event stream", "xhr": "Long-poll"}
# What a browser of 2010 has not.
NEWER = "['WebSocket', 'EventSource', 'fetch', 'Promise', 'PerformanceObserver', 'BroadcastChannel']"


class Place(NamedTuple):
    """Where the app is, directly and by the other network."""

    near: str
    far: str
    network: Network


class People:
    """Makes browsers, each of somebody else, and notes what goes wrong in them and what they ask longpoll for."""

    def __init__(self, chromium: Any, place: Place) -> None:
        self._chromium = chromium
        self._place = place
        self.contexts: list[Any] = []
        self.wrong: list[str] = []
        self.asked: set[str] = set()

    def come(self, way: str = "auto", far: bool = False, old: bool = False, **more: Any) -> Any:
        """A page of somebody new: by which way, over the network that can be cut, in which kind of browser."""
        base = self._place.far if far else self._place.near
        context = self._chromium.new_context(base_url=base, viewport={"width": 1280, "height": 900}, **more)
        choice = f"localStorage.getItem('way') || localStorage.setItem('way', '{way}')"
        context.add_init_script(f"if (location.protocol === 'http:') {{ {choice} }}")
        if old:
            context.add_init_script(f"{NEWER}.forEach(function (name) {{ delete window[name]; }});")
            context.route("**/pad.js", lambda route: route.abort())  # it knows no modules
        context.on("page", self._watch)
        self.contexts.append(context)
        return context.new_page()

    def _watch(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("websocket", lambda socket: self.asked.add(socket.url.partition("?")[0].rpartition("/")[2]))
        page.on("request", lambda request: self.asked.add(request.url.partition("?")[0].rpartition("/")[2]))


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
