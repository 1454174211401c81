"""A cursor: what it sees, what it covers, and that nothing a browser brings back can do harm."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import psycopg
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from longpoll.cursor import Cursor, Snapshot, decode, encode, epoch_of, version_of

HORIZON = 12  # transactions 1 to this one: small, so that snapshots meet


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """As PostgreSQL takes them: the newest transaction below xmax has ended."""
    xmax = draw(st.integers(1, HORIZON))
    xips = draw(st.sets(st.integers(1, xmax - 2))) if xmax > 2 else set()
    return Snapshot(min(xips, default=xmax), xmax, xips)


@st.composite
def made_up_snapshots(draw: st.DrawFn) -> Snapshot:
    xmin = draw(st.integers(1, HORIZON))
    xmax = draw(st.integers(xmin, HORIZON))
    return Snapshot(xmin, xmax, draw(st.sets(st.integers(xmin, xmax - 1))) if xmax > xmin else ())


def seen_by(snapshot: Snapshot) -> set[int]:
    """PostgreSQL's definition, transaction by transaction."""
    return {xid for xid in range(HORIZON + 5) if xid < snapshot.xmax and xid not in snapshot.xips}


@given(made_up_snapshots())
def test_a_snapshot_sees_what_is_below_xmax_and_not_listed(snapshot: Snapshot) -> None:
    assert {xid for xid in range(HORIZON + 5) if snapshot.sees(xid)} == seen_by(snapshot)


@given(snapshots(), snapshots())
def test_a_snapshot_covers_another_if_and_only_if_it_sees_all_that_the_other_sees(one: Snapshot, two: Snapshot) -> None:
    assert one.covers(two) == (seen_by(one) >= seen_by(two))


@given(made_up_snapshots(), made_up_snapshots())
def test_a_made_up_snapshot_never_covers_too_much(one: Snapshot, two: Snapshot) -> None:
    assert not one.covers(two) or seen_by(one) >= seen_by(two)


@given(made_up_snapshots(), made_up_snapshots(), made_up_snapshots())
def test_covering_is_transitive(one: Snapshot, two: Snapshot, three: Snapshot) -> None:
    assume(one.covers(two) and two.covers(three))
    assert one.covers(three)


@given(made_up_snapshots(), made_up_snapshots())
def test_what_two_snapshots_have_in_common_sees_what_both_see_and_nothing_else(one: Snapshot, two: Snapshot) -> None:
    assert seen_by(one.common(two)) == seen_by(one) & seen_by(two)


@given(made_up_snapshots())
def test_a_snapshot_covers_itself_and_is_read_back_from_its_text(snapshot: Snapshot) -> None:
    again = Snapshot.parse(snapshot.text)
    assert snapshot.covers(again)
    assert (again.xmin, again.xmax, again.xips) == (snapshot.xmin, snapshot.xmax, snapshot.xips)


@pytest.mark.parametrize(
    ("xmin", "xmax", "xips"),
    [(0, 5, ()), (6, 5, ()), (3, 5, (2,)), (3, 5, (5,)), (1, 2**63, ()), (2**32, 2**32 + 1, ()), (1, 2**32, ())],
    ids=["xmin 0", "xmin above xmax", "listed below xmin", "listed at xmax", "beyond bigint", "lower half of xmin 0",
         "lower half of xmax 0"],
)  # fmt: skip
def test_what_postgresql_would_not_take_is_no_snapshot(xmin: int, xmax: int, xips: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        Snapshot(xmin, xmax, xips)


large = st.integers(1, 2**62)
versions = st.dictionaries(st.integers(1, 2**63 - 1), st.binary().map(lambda data: version_of("x", data)), max_size=5)


@given(st.text(), large, large, st.sets(large, max_size=5), versions)
def test_a_cursor_comes_back_as_it_was_given_out(
    name: str, xmin: int, length: int, offsets: set[int], shown: dict[int, str]
) -> None:
    assume(xmin % 2**32 and (xmin + length) % 2**32)
    snapshot = Snapshot(xmin, xmin + length, {xmin + offset % length for offset in offsets})
    text = encode(epoch_of(name), snapshot, shown)
    found = decode(text)
    assert found is not None
    assert (found.epoch, found.snapshot.text, found.versions) == (epoch_of(name), snapshot.text, shown)
    assert re.fullmatch(r"[A-Za-z0-9_.!~*-]+", text), "it would need escaping in a URL"


@given(st.text())
@example("")
@example("AAAAAAAA~0.0.~")
@example("AAAAAAAA~9223372036854775807.1.~")
@example("AAAAAAAA~1.0.0~")
@example("AAAAAAAA~5.5.9~")
@example("AAAAAAAA~5.5.~1!AAAAAAAA*")
@example("AAAAAAAA~5.5.~\n")
@example("AAAAAAAA~5.5.~1!AAAAAAAA\n")
@example("AAAAAAAA~\u0665.5.~")
def test_what_is_no_cursor_is_none_and_never_an_error(text: str) -> None:
    assert decode(text) is None


@given(st.from_regex(r"\A[\w-]{8}~\d{1,19}\.\d{1,19}\.(\d{1,3}\*)?\d{0,3}~\Z", fullmatch=True))
def test_what_looks_like_a_cursor_is_one_or_none(text: str) -> None:
    assert isinstance(decode(text), Cursor | None)


def test_cursors_that_are_joined_have_seen_what_each_of_them_has() -> None:
    one = encode("AAAAAAAA", Snapshot(5, 9, (5, 7)), {1: "version1", 2: "version2", 3: "version3"})
    two = encode("AAAAAAAA", Snapshot(6, 8, (6,)), {2: "version2", 3: "another3", 4: "version4"})
    both = Cursor("AAAAAAAA", Snapshot(5, 8, (5, 6, 7)), {2: "version2"})
    for text in (f"{one}|{two}", f"{two}|{one}", f"{one}|{two}|{one}"):
        found = decode(text)
        assert found
        assert (found.epoch, found.snapshot.text, found.versions) == (both.epoch, both.snapshot.text, both.versions)


@pytest.mark.parametrize("other", ["", "nonsense", encode("BBBBBBBB", Snapshot(5, 9), {})])
def test_cursors_of_which_one_cannot_be_honoured_cannot_be_together(other: str) -> None:
    one = encode("AAAAAAAA", Snapshot(5, 9, (5, 7)), {})
    assert decode(f"{one}|{other}") is None
    assert decode(f"{other}|{one}") is None


def test_versions_tell_states_apart_and_are_equal_everywhere() -> None:
    assert version_of("done", b"1") == version_of("done", b"1")
    assert len({version_of("done", b"1"), version_of("done", b"2"), version_of("don", b"e1")}) == 3
    assert len(epoch_of("a")) == len(version_of("a", b"")) == 8


def test_postgresql_takes_every_snapshot_that_a_browser_can_bring(dsn: str) -> None:
    """One it refused would stop the one read that all browsers share."""
    numbers = random.Random(1)
    corners = [1, 2, 3, 2**32 - 1, 2**32, 2**62, 2**63 - 2, 2**63 - 1, 2**63, 10**19 - 1]
    with psycopg.connect(dsn) as connection:
        for _ in range(500):
            offsets = [numbers.choice([0, 1, 2, 10**18, *corners]) for _ in range(numbers.randrange(3))]
            xips = "*".join(map(str, offsets))
            start, length = numbers.choice([0, *corners]), numbers.choice([0, *corners])
            cursor = decode(f"AAAAAAAA~{start}.{length}.{xips}~")
            if cursor is not None:
                row = connection.execute("select %s::pg_snapshot::text", [cursor.snapshot.text]).fetchone()
                assert row == (cursor.snapshot.text,)


def test_of_snapshots_that_a_server_took_one_after_another_each_covers_those_before(dsn: str) -> None:
    numbers = random.Random(2)
    taken: list[Snapshot] = []
    with psycopg.connect(dsn, autocommit=True) as reader:
        writers = [psycopg.connect(dsn) for _ in range(6)]
        try:
            for _ in range(200):
                writer = numbers.choice(writers)
                if writer.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                    writer.execute("select pg_current_xact_id()")
                else:
                    numbers.choice([writer.commit, writer.rollback])()
                row = reader.execute("select pg_current_snapshot()::text").fetchone()
                assert row
                taken.append(Snapshot.parse(row[0]))
        finally:
            for writer in writers:
                writer.close()
    assert any(snapshot.xips for snapshot in taken), "no two transactions were ever under way at once"
    for earlier, later in pairwise(taken):
        assert later.covers(earlier)
    assert not taken[0].covers(taken[-1])
