"""What waiters are told as things stand: decided under the hub's lock, given outside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from longpoll.cursor import Snapshot, encode
from longpoll.jobbook import JobBook
from longpoll.logbook import LogBook
from longpoll.names import keys
from longpoll.turns import Turns
from longpoll.waiter import News, Told, Waiter
from queueapi.messages import Message

Verdicts = list[tuple[Waiter, News]]
# By what they ask for and what they have seen: who asks for the same logs, and for nothing else, is told the same.
Same = dict[tuple[tuple[tuple[str, str], ...], Snapshot], News]


class Judge:
    """1. says what a waiter is told, if it is to be told anything; 2. lets one start over. Guarded by the hub's lock.

    Attributes:
        epoch: of the database that is read now.
    """

    def __init__(self, epoch: str, jobs: JobBook, log: LogBook) -> None:
        self.epoch = epoch
        self._jobs = jobs
        self._log = log

    # -- 1.

    def news(self, waiter: Waiter, whatever: bool, same: Same) -> News | None:
        """The reply for a waiter, or None if it is to wait on.

        Args:
            whatever: it is not to wait on.
            same: what others were told in the same moment.
        """
        shared = not (waiter.channels.jobs or waiter.missed or waiter.reset or waiter.behind)
        key = (waiter.channels.logs, waiter.since)
        if shared and (news := same.get(key)) is not None:
            return news
        news = self._news(waiter, whatever)
        if shared and news is not None and news.messages and not news.reset:
            same[key] = news
        return news

    def _news(self, waiter: Waiter, whatever: bool) -> News | None:
        missed = self._log.missed(waiter)
        if missed is None:
            self.reset(waiter)
            missed = []
        states, versions = self._jobs.news(waiter)
        # A reset comes with the state of every job; otherwise what is known goes out, and the rest follows.
        due = waiter.at_once and self.is_known(waiter) if waiter.reset or not (states or missed) else True
        if not due and not whatever:
            return None
        told = [Told(asked, state.event, state.data, version) for asked, state, version in states]
        if missed:
            told += _worded(missed, waiter)
        return News(told, self.cursor(waiter, versions), waiter.reset)

    def cursor(self, waiter: Waiter, versions: Mapping[int, str]) -> str:
        """How far a waiter has come that has been told all that it has missed."""
        return encode(self.epoch, self._log.seen(waiter), versions)

    def is_known(self, waiter: Waiter) -> bool:
        """Whether the database need not be asked for it."""
        return not waiter.behind and self._jobs.knows(waiter)

    # -- 2.

    def reset(self, waiter: Waiter) -> None:
        """What it has missed nobody can say, or it is too much."""
        self._log.start_over(waiter)
        waiter.versions = {}
        waiter.reset = waiter.at_once = True


def give(verdicts: Verdicts) -> None:
    """Tell them, one after another and as fast as it goes: the last must not wait for what the first ask next."""
    turns = Turns()
    for waiter, news in verdicts:
        try:
            waiter.answer(news)
        except Exception:  # one that cannot be written must not cost the others theirs
            logging.getLogger("longpoll").exception("a reply could not be given")
        turns.done()


def _worded(missed: Sequence[Message], waiter: Waiter) -> Iterator[Told]:
    """Each message as often as it was asked for, under the text that did."""
    wanted: dict[str, list[str]] = {}
    for key, asked in waiter.channels.logs:
        wanted.setdefault(key, []).append(asked)
    for message in missed:
        for key in keys(message.channel):
            for asked in wanted.get(key, ()):
                id_, channel = str(message.id), message.channel
                yield Told(asked, message.event, message.data, id_, channel, message.meta, message.xid)
