"""Private Pub and danthes as they are served: what their pages and their applications send to the mount of Faye."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from longpoll.dialects import private_pub
from longpoll.door import Visitor
from queueapi.errors import SettingsError

# Seconds that their signatures are good for, unless told otherwise: the gems' own.
EXPIRATION: Final = 3600.0
# A token that can be guessed signs for everybody. The gems' generators make one of 64.
MINIMUM_TOKEN: Final = 16


class Gate:
    """Lets in by the gems' own signatures and token. See :class:`longpoll.endpoints.bayeux_house.Checker`.

    It only lets in: what takes a signature is what the door calls private, ``/**`` if all of it shall, as in the gems.

    Args:
        token: their ``secret_token``.
        expiration: seconds that their signatures are good for, as ``signature_expiration``; None: for ever.
        scripts: let their applications publish scripts, which pages run.

    Raises:
        SettingsError: the token can be guessed.
    """

    def __init__(
        self,
        token: str,
        expiration: float | None = EXPIRATION,
        scripts: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if len(token) < MINIMUM_TOKEN:
            raise SettingsError(
                f"the token of Private Pub has {len(token)} characters, and fewer than {MINIMUM_TOKEN} can be guessed: "
                "set a longer secret_token on both sides"
            )
        self._token = token
        self._expiration = expiration
        self._scripts = scripts
        self._clock = clock

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self | None:
        """As ``LONGPOLL_PRIVATE_PUB_TOKEN``, ``_EXPIRATION`` and ``_SCRIPTS`` say; None without the first.

        Raises:
            SettingsError: one of them cannot be.
        """
        token = environ.get("LONGPOLL_PRIVATE_PUB_TOKEN", "")
        if not token:
            return None
        text = environ.get("LONGPOLL_PRIVATE_PUB_EXPIRATION", "") or f"{EXPIRATION:.0f}"
        if text != "never" and (not text.isdecimal() or not int(text)):
            raise SettingsError(
                f"LONGPOLL_PRIVATE_PUB_EXPIRATION is {text!r}, and should be a number of seconds, or never"
            )
        scripts = environ.get("LONGPOLL_PRIVATE_PUB_SCRIPTS", "") in ("1", "true", "yes", "on")
        return cls(token, None if text == "never" else float(text), scripts)

    def subscribe(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        """See :class:`longpoll.endpoints.bayeux_house.Checker`. Our own tickets are the door's to look at."""
        if not private_pub.speaks(ext) or private_pub.ticket_of(ext) is not None:
            return False
        private_pub.check(ext, channel, self._token, self._expiration, self._clock())
        return True

    def publish(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        """See :class:`longpoll.endpoints.bayeux_house.Checker`."""
        return private_pub.holds_token(ext, self._token)

    def read(self, data: Any) -> tuple[str, str]:
        """See :class:`longpoll.endpoints.bayeux_house.Checker`."""
        return private_pub.opened(data, self._scripts)
