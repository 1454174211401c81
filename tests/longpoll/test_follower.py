"""One who follows the hub: what comes of channels that change, and of a hub that closes."""

from __future__ import annotations

from longpoll.cursor import Snapshot
from longpoll.follower import Follower
from longpoll.hub import Hub
from longpoll.names import Channels
from longpoll.waiter import News


def test_a_follower_of_a_hub_that_closes_is_told_once_more_and_waits_no_longer() -> None:
    hub = Hub("abcdefgh", Snapshot(10, 10), lambda: None)
    told: list[News] = []

    def tell(news: News) -> None:
        assert len(told) < 10, "it is answered again and again"
        told.append(news)

    follower = Follower(hub, tell)
    follower.follow(Channels((), (("news", "news"),)))
    assert len(told) == 1, "its first cursor"
    hub.close()
    assert len(told) == 2
    assert hub.held == 0
    follower.change(Channels((), (("other", "other"),)))
    assert len(told) == 2
