"""Where a request comes from: what the last proxy that is trusted says, and nothing that anybody could make up."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

# Who listens on the loopback has the proxy beside it, as longpoll-serve does unless told otherwise.
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


class Proxies:
    """Those whose ``X-Forwarded-For`` is believed.

    Args:
        networks: their addresses, or networks of them such as ``10.0.0.0/8``.

    Raises:
        ValueError: one of them is none.
    """

    def __init__(self, networks: Iterable[str] = LOOPBACK) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._is_trusted = lru_cache(maxsize=1000)(self._look)

    def client(self, remote: str, forwarded: str | None) -> str:
        """The address of the client; empty if only a proxy's is known: a proxy stands for any number of clients.

        Args:
            remote: the address that the connection comes from.
            forwarded: what ``X-Forwarded-For`` says. Each proxy adds whom it was asked by to the end; what stands
                before that, a client may have written.
        """
        named = [part.strip() for part in forwarded.split(",") if part.strip()] if forwarded else []
        chain = [*named, remote]
        while chain and self._is_trusted(chain[-1]):
            chain.pop()
        return chain[-1][:64] if chain else ""

    def _look(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)


def several(words: Sequence[str]) -> Proxies:
    """What ``--proxy`` says: its words, or the loopback; ``none`` for no proxy at all.

    Raises:
        ValueError: one of them is no address.
    """
    return Proxies(word for word in words if word != "none") if words else Proxies()
