"""People who do not exist, the same ones every time: recipients of the notifications, rows of the example file."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

FIRST = (
    "Ada", "Alan", "Barbara", "Blaise", "Carl", "Caroline", "Charles", "Donald", "Edsger", "Emmy", "Frances",
    "Grace", "Hedy", "Ida", "Jean", "Joan", "Karen", "Katherine", "Leonhard", "Lise", "Mary", "Niklaus",
    "Radia", "Rózsa", "Sophie", "Srinivasa", "Tim", "Zoë", "Łukasz", "Çağla",
)  # fmt: skip
LAST = (
    "Lovelace", "Turing", "Liskov", "Pascal", "Gauss", "Herschel", "Babbage", "Knuth", "Dijkstra", "Noether",
    "Allen", "Hopper", "Lamarr", "Rhodes", "Bartik", "Clarke", "Jones", "Johnson", "Euler", "Meitner",
    "Somerville", "Wirth", "Perlman", "Péter", "Germain", "Müller", "Nuñez", "O'Neill", "Åström", "Øverland",
)  # fmt: skip
# Reserved for examples (RFC 2606), so that no mail of ours can ever reach anybody.
DOMAINS = ("example.com", "example.net", "example.org", "mail.example", "shop.example", "uni.example", "post.example")

# What NFKD does not take apart.
_PLAIN = str.maketrans({"ł": "l", "ø": "o", "ı": "i", "'": "", " ": "."})


class Person(NamedTuple):
    """A name as its bearer writes it, and an address."""

    name: str
    email: str


def person(number: int) -> Person:
    """The person of that number, counted from 0; names repeat after 900, addresses never do."""
    first = FIRST[number % len(FIRST)]
    last = LAST[(number // len(FIRST) + number) % len(LAST)]
    name = f"{first} {last}"
    letters = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
    local = "".join(c for c in letters if c.isascii())
    return Person(name, f"{local}.{number}@{DOMAINS[number % len(DOMAINS)]}")
