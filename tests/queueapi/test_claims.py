"""What comes with a claimed job, also if somebody wrote it by hand."""

from __future__ import annotations

import pytest

from queueapi.claims import PLAIN, Claimed


def claimed(special: str | None) -> Claimed:
    return Claimed(1, 2, "default", "kind", "{}", 1, 25, special=special)


def test_a_plain_job_has_nothing_more() -> None:
    assert claimed(None).more() is PLAIN


def test_who_waits_for_a_job_whose_row_cannot_be_read_is_still_known() -> None:
    special = '{"expired": true, "limit_keys": [null], "batch_id": 7, "followed": true, "cancelled": false}'
    more = claimed(special).more()
    assert (more.expired, more.batch_id, more.followed, more.limit_keys) == (True, 7, True, ())
    assert more.unreadable is not None
    assert "limit_keys" in more.unreadable


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize("odd", ['"limit_keys" : 7', f'"limit_keys" : [], "cursor" : {DEEP}'])
def test_that_it_is_dead_is_known_whatever_else_cannot_be_read(odd: str) -> None:
    more = claimed(f'{{"dead" : true, {odd}}}').more()
    assert more.dead
    assert more.unreadable
