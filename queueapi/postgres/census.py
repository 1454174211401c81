"""How many are connected to which channels, over all nodes: what anybody may ask."""

from __future__ import annotations

from collections.abc import Iterable

from queueapi.messages import Message
from queueapi.postgres.sessions import Session
from queueapi.presence import Crowd, Latest


class Census:
    """The questions.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run

    def channels(self, prefix: str) -> dict[str, Crowd]:
        """Those that begin so and have connections."""
        return {name: Crowd(*counts) for name, *counts in self._run("list_channels", {"prefix": prefix})}

    def crowds(self, names: Iterable[str]) -> dict[str, Crowd]:
        """Those of them that have connections."""
        return {name: Crowd(*counts) for name, *counts in self._run("count_channels", {"names": list(names)})}

    def users(self, channel: str) -> list[str]:
        """The ids of its members."""
        return [row[0] for row in self._run("list_users", {"channel": channel})]

    def latest(self, channels: Iterable[str], age: float) -> dict[str, Latest]:
        """The last message that the application published on each, if it is no older than so many seconds."""
        rows = self._run("read_latest", {"channels": list(channels), "age": age})
        return {
            channel: Latest(Message(id_, 0, channel, event, data, meta), old)
            for channel, id_, event, data, meta, old in rows
        }
