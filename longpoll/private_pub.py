"""Private Pub's and danthes' words for applications: ``publish_to``, ``subscription``, ``subscribe_to``.

::

    private_pub = PrivatePub("http://localhost:9292/faye")
    private_pub.publish_to("/messages/new", {"text": "hi"})
    environment.globals["subscribe_to"] = private_pub.subscribe_to   # Jinja2:  {{ subscribe_to("/messages/new") }}

The page's side stays as it was: the gem's own script on Faye's client, or ``/private_pub.js`` on longpoll.js, which
offers the same.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any, Final

from longpoll.dialects.private_pub import SCRIPT
from longpoll.errors import BadChannel
from longpoll.log import Channels
from longpoll.names import checked_channel, checked_pattern, is_pattern, path_of, shortened
from longpoll.past import seconds_of
from queueapi.errors import SettingsError
from queueapi.runtime import default

# Seconds that a page may subscribe in: the gems' own.
EXPIRATION: Final = 3600.0


class Html(str):
    """Text that templates do not escape: of Jinja2, Django and all that know ``__html__``."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class PrivatePub:
    """1. publishes; 2. signs what a page may listen to; 3. writes that into the page.

    Signatures are tickets, as :meth:`longpoll.log.Channel.ticket` makes them, and open the same channel in every other
    dialect. Those that Ruby applications make are accepted where ``LONGPOLL_PRIVATE_PUB_TOKEN`` is set.

    Args:
        server: where pages connect: for the gems' scripts, where Faye's clients are served, as in
            ``http://localhost:9292/faye``; for ``/private_pub.js``, the address of ``longpoll-serve`` itself.
        channels: by default those of the environment.
        expiration: seconds in which a page must have subscribed.
        script: the object that the page's script offers: ``PrivatePub`` or ``Danthes``.
    """

    def __init__(
        self,
        server: str,
        channels: Channels | None = None,
        expiration: float | dt.timedelta = EXPIRATION,
        script: str = "PrivatePub",
    ) -> None:
        if script not in _CALLS:
            raise SettingsError(f"script={script!r} is neither {' nor '.join(_CALLS)}")
        self._server = server
        self._channels = channels or Channels(default)
        self._expiration = seconds_of(expiration) or 0.0
        self._script = script

    # -- 1.

    def publish_to(
        self, channel: str, data: object = None, *, conn: object | None = None, session: object | None = None
    ) -> int:
        """Publish data, which the page's callback for that channel is given. The same as :func:`longpoll.publish`.

        A text is data like all other: see :meth:`run_on`.
        """
        return self._channels.publish(channel, data, conn=conn, session=session)

    def run_on(self, channel: str, script: str, *, conn: object | None = None, session: object | None = None) -> int:
        """Publish a script that the pages of Private Pub and danthes run, whatever it does. For what the gems did with
        ``publish_to`` and a text; better publish data, and let the page do something with it."""
        if not isinstance(script, str):
            raise SettingsError(f"a script is a text, not {shortened(script)}")
        return self._channels.trigger(channel, SCRIPT, script, conn=conn, session=session)[0]

    # -- 2.

    def subscription(self, channel: str) -> dict[str, Any]:
        """What the page's script needs to subscribe: ``server``, ``channel``, ``timestamp`` and ``signature``.

        Args:
            channel: a path, as in ``/messages/new``; a pattern; or a name that has a path.

        Raises:
            BadChannel: it is none of those.
        """
        path = channel if is_pattern(checked_pattern(channel)) else path_of(checked_channel(channel))
        if path is None:
            raise BadChannel(f"{shortened(channel)} has no path, and pages subscribe to paths such as /messages/new")
        return {
            "server": self._server,
            "channel": path,
            "timestamp": round(time.time() * 1000),
            "signature": self._channels.ticket(channel, self._expiration),
        }

    # -- 3.

    def subscribe_to(self, channel: str, nonce: str | None = None) -> Html:
        """The script tag that subscribes the page.

        Args:
            nonce: for pages with a Content-Security-Policy.
        """
        call = _CALLS[self._script].replace("%", _in_script(self.subscription(channel)))
        attribute = "" if nonce is None else f' nonce="{_in_attribute(nonce)}"'
        return Html(f'<script type="text/javascript"{attribute}>{call}</script>')


_CALLS: Final = {
    "PrivatePub": "PrivatePub.sign(%);",
    "Danthes": "if (typeof Danthes != 'undefined') { Danthes.sign(%) }",
}


def _in_script(value: object) -> str:
    """JSON that ends no script and no line of one."""
    text = json.dumps(value)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _in_attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


publish_to: Final = Channels(default).publish
