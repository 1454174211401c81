"""The history against a model that keeps everything: what it says it knows, it knows, message by message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll import history
from longpoll.cursor import Snapshot
from longpoll.history import History
from queueapi.messages import Message

CHANNELS = ("a", "b")


class Log:
    """A database with transactions that commit in any order: the model, and the source of what is added."""

    def __init__(self) -> None:
        self.open: dict[int, list[Message]] = {}
        self.committed: list[Message] = []
        self.next_xid, self.next_id = 1, 1

    def begin(self) -> None:
        self.open[self.next_xid] = []
        self.next_xid += 1

    def write(self, number: int, channel: str, size: int) -> None:
        if self.open:
            xid = sorted(self.open)[number % len(self.open)]
            self.open[xid].append(Message(self.next_id, xid, channel, "e", "x" * size))
            self.next_id += 1

    def end(self, number: int, commits: bool) -> None:
        if self.open:
            messages = self.open.pop(sorted(self.open)[number % len(self.open)])
            self.committed += messages if commits else []

    def snapshot(self) -> Snapshot:
        return Snapshot(min(self.open, default=self.next_xid), self.next_xid, self.open)

    def between(self, since: Snapshot, upto: Snapshot) -> list[Message]:
        return sorted(m for m in self.committed if upto.sees(m.xid) and not since.sees(m.xid))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin")),
        st.tuples(st.just("write"), st.integers(0, 9), st.sampled_from(CHANNELS), st.integers(0, 30)),
        st.tuples(st.just("end"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("read")),
    ),
    max_size=60,
)


@given(steps, st.integers(1, 6), st.integers(1, 60))
def test_a_reader_is_told_exactly_what_it_missed_or_that_it_is_not_known(
    script: list[tuple[object, ...]], most: int, bytes_: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "MAX_MESSAGES", most)
        patch.setattr(history, "MAX_BYTES", bytes_)
        log = Log()
        kept = History(log.snapshot())
        given_out = [kept.position]
        for name, *arguments in script:
            if name != "read":
                getattr(log, str(name))(*arguments)
                continue
            upto, newest = log.snapshot(), log.between(kept.position, log.snapshot())
            before = kept.position
            kept.add(newest, upto)
            assert kept.knows_all_since(before), "who waited while this was read must find it"
            given_out.append(upto)
        for since in given_out:
            if kept.knows_all_since(since):
                for channel in CHANNELS:
                    missed = [m for m in log.between(since, kept.position) if m.channel == channel]
                    assert sorted(kept.since(channel, since)) == missed


def message(number: int, channel: str = "a", data: str = "x") -> Message:
    return Message(number, number, channel, "e", data)


def upto(xid: int) -> Snapshot:
    return Snapshot(xid + 1, xid + 1)


def test_the_oldest_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 2)
    kept = History(upto(0))
    for number in (1, 2, 3):
        kept.add([message(number)], upto(number))
    assert not kept.knows_all_since(upto(0))
    assert kept.knows_all_since(upto(1))
    assert [m.id for m in kept.since("a", upto(1))] == [2, 3]


def test_large_messages_are_forgotten_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_BYTES", 10)
    kept = History(upto(0))
    for number in (1, 2, 3):
        kept.add([message(number, data="x" * 6)], upto(number))
    assert kept.knows_all_since(upto(2))
    assert not kept.knows_all_since(upto(1))


def test_the_newest_batch_stays_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 2)
    kept = History(upto(0))
    kept.add([message(number) for number in (1, 2, 3, 4)], upto(4))
    assert [m.id for m in kept.since("a", upto(0))] == [1, 2, 3, 4]


def test_looks_that_find_nothing_cost_nothing_and_move_the_position() -> None:
    kept = History(upto(0))
    kept.add([], upto(7))
    assert kept.position.text == upto(7).text
    assert kept.knows_all_since(upto(0))
    assert kept.since("a", upto(0)) == []


def test_a_cursor_ahead_of_the_history_is_not_known() -> None:
    assert not History(upto(3)).knows_all_since(upto(4))


def test_a_channel_that_is_forgotten_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 1)
    kept = History(upto(0))
    for number in range(1, 50):
        kept.add([message(number, f"channel{number}")], upto(number))
    assert set(kept._channels) == {"channel49", "*", "**"}
