"""A Pusher application: who it is, and what it lets its clients do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from queueapi.errors import SettingsError

# Bytes of one event's data. Ten times what Pusher takes, and as much as its libraries send together in a batch; it goes
# to everybody who listens, and what is longer is better fetched by those who want it.
MAX_DATA: Final = 100_000
LARGEST_DATA: Final = 1_000_000

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
# 80 bits in hexadecimal digits, as Pusher's own are.
_LEAST_SECRET: Final = 16


@dataclass(frozen=True)
class Application:
    """What is said of it.

    Attributes:
        app_id: in the addresses of server libraries. The Python library takes digits alone.
        key: who it is, for everybody to see.
        secret: signs; known to the servers of the application and to us.
        max_data: bytes of one event's data, up to a megabyte.
        client_events: whether clients may publish on the private and presence channels that they subscribe to.
        subscription_counts: whether those who subscribe to a channel are told how many they are, whenever that has
            changed within the last second.
        webhooks: addresses that are told who comes and goes; see :mod:`longpoll.pusher_webhooks`.

    Raises:
        SettingsError: one of them cannot be.
    """

    app_id: str
    key: str
    secret: str
    max_data: int = MAX_DATA
    client_events: bool = True
    subscription_counts: bool = False
    webhooks: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, text in (("APP_ID", self.app_id), ("KEY", self.key)):
            if not _ID.fullmatch(text):
                raise SettingsError(
                    f"LONGPOLL_PUSHER_{name} is {text[:50]!r}, and should be 1 to 100 letters, digits, _ and -"
                )
        if len(self.secret) < _LEAST_SECRET:
            raise SettingsError(
                f"LONGPOLL_PUSHER_SECRET has {len(self.secret)} characters, and fewer than {_LEAST_SECRET} can be "
                'guessed: set it to the output of  python -c "import secrets; print(secrets.token_hex(20))"'
            )
        if not 1 <= self.max_data <= LARGEST_DATA:
            raise SettingsError(f"max_data is {self.max_data}, and must be from 1 to {LARGEST_DATA:,} bytes")
        for url in self.webhooks:
            if not url.startswith(("http://", "https://")):
                raise SettingsError(f"LONGPOLL_PUSHER_WEBHOOKS has {url[:100]!r}: give addresses with http or https")

    @property
    def max_body(self) -> int:
        """Bytes of one request: a batch of ten events, half of whose characters are escaped."""
        return 15 * self.max_data + 64 * 1024
