"""The words of ``longpoll-serve``, and the environment that stands in for them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from longpoll.addresses import several
from longpoll.meter import Limits

_EPILOG = """\
examples:
  longpoll-serve                              on 127.0.0.1:9292, behind a proxy of yours
  longpoll-serve --host 0.0.0.0 --port 80     for everybody
  longpoll-serve --processes 4                for more than one core; any number of machines on one database
  longpoll-serve --origin https://shop.example --origin https://www.shop.example
  longpoll-serve --publish '/chat/**'         clients may publish there, beside the application
  longpoll-serve --private '/team/**'         listening there takes a ticket, as it does on private-...
  longpoll-serve --authorize myapp.live:may   a function (request, channel, action) that returns
                                              True, False, or None for the rules of names and tickets

environment:
  DATABASE_URL, or PGHOST, PGUSER, …   the PostgreSQL server
  QUEUEAPI_SECRET                      signs tickets; the same as the web app's, 32 bytes or more
  LONGPOLL_HOST, LONGPOLL_PORT, LONGPOLL_PROCESSES, LONGPOLL_ORIGINS, LONGPOLL_PROXIES, LONGPOLL_PUBLISH,
  LONGPOLL_PRIVATE, LONGPOLL_AUTHORIZE, LONGPOLL_FAYE
                                       as the options; several of one kind with spaces between
  LONGPOLL_PUSHER_APP_ID, LONGPOLL_PUSHER_KEY, LONGPOLL_PUSHER_SECRET
                                       serve Pusher's clients and libraries, which are given the same
  LONGPOLL_PRIVATE_PUB_TOKEN           the secret_token of Private Pub or danthes: take what their applications sign and
                                       publish; everything is private then, unless --private says what is
  LONGPOLL_PRIVATE_PUB_EXPIRATION      seconds that those signatures are good for, or never (default: 3600)
  LONGPOLL_PRIVATE_PUB_SCRIPTS=1       let those applications publish scripts, which pages run

then:
  curl localhost:9292/healthz
  <script src="http://localhost:9292/longpoll.js"></script>
  <script src="http://localhost:9292/faye"></script>
"""

_Check = Callable[[str], str]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; what is not given is taken from the environment. Exits where a word means nothing."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    for name, check in (("origins", _origin), ("publish", str), ("private", str), ("proxies", str)):
        if getattr(arguments, name) is None:
            setattr(arguments, name, _several(parser, f"LONGPOLL_{name.upper()}", check))
    try:
        arguments.proxies = several(arguments.proxies)
    except ValueError as error:
        parser.error(f"--proxy: {error}: give addresses such as 10.0.0.7 or 10.0.0.0/8, or none")
    arguments.limits = Limits(**dict(arguments.limits))
    return arguments


def _several(parser: argparse.ArgumentParser, name: str, check: _Check) -> list[str]:
    try:
        return [check(word) for word in os.environ.get(name, "").replace(",", " ").split()]
    except argparse.ArgumentTypeError as error:
        parser.error(f"{name}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="longpoll-serve",
        description="Hold the requests of browsers, and answer them when their jobs and channels have news.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def option(name: str, default: str | None, **words: Any) -> None:
        given = os.environ.get(f"LONGPOLL_{name.upper()}") or default
        parser.add_argument(f"--{name}", default=given, **words)

    option("host", "127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    option("port", "9292", type=_port, help="port (default: 9292)")
    option("processes", "1", type=_count, metavar="N", help="processes that share the port (default: 1)")
    option("faye", "/faye", type=_mount, metavar="PATH", help="where Faye and CometD clients connect (default: /faye)")
    parser.add_argument(
        "--origin", action="append", dest="origins", metavar="ORIGIN", type=_origin,
        help="of pages that may ask from a browser, such as https://shop.example; may be repeated (default: any)",
    )  # fmt: skip
    parser.add_argument(
        "--publish", action="append", metavar="CHANNEL",
        help="a channel or pattern on which any client may publish; may be repeated (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--proxy", action="append", dest="proxies", metavar="ADDRESS",
        help="a proxy, or a network of them, that is believed in X-Forwarded-For; may be repeated (default: those on "
        "the loopback); none: there is no proxy",
    )  # fmt: skip
    parser.add_argument(
        "--private", action="append", metavar="CHANNEL",
        help="a channel or pattern that takes a ticket to listen to, beside private-... and presence-...; may be "
        "repeated (default: none)",
    )  # fmt: skip
    parser.add_argument(
        "--limit", action="append", dest="limits", metavar="NAME=NUMBER", type=_limit, default=[],
        help="what one client, channel or address may have, in each process; may be repeated. Names: "
        + ", ".join(f"{field.name} ({field.default:,.0f})" for field in fields(Limits)),
    )  # fmt: skip
    option("authorize", None, metavar="MODULE:FUNCTION", help="who may listen and publish, in your words")
    parser.add_argument(
        "--debug", action="store_true", help="print an address that tells for an hour why clients hear nothing, and end"
    )  # fmt: skip
    parser.add_argument("-v", "--verbose", action="store_true", help="log every request")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes: give one from 1 to 256")
    return int(text)


def _mount(text: str) -> str:
    if not text.startswith("/") or (text != "/" and text.endswith("/")) or not text.isascii() or "?" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no place for Faye's clients: give a path such as /faye")
    return text


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    known = {field.name for field in fields(Limits)}
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if name not in known or not 0 < value < 1e12:
        names = ", ".join(sorted(known))
        raise argparse.ArgumentTypeError(f"{text!r} is no limit: give one of {names}, as in connections=100")
    return name, int(value) if isinstance(getattr(Limits, name), int) else value


def _origin(text: str) -> str:
    scheme, _, host = text.partition("://")
    if text != "*" and (scheme not in ("http", "https") or not host or "/" in host):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no origin: give scheme, host and port, as in https://shop.example"
        )
    return text
