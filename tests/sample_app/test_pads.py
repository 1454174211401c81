"""A text that several people write: the sum of its updates, in any order, merged now and then, by form as well."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest

from sample_app import db
from sample_app.pads import store, text
from sample_app.pads.job import compact
from sample_app.pads.text import UpdateRefused
from sample_app.settings import Settings
from tests.sample_app.visitors import Visitor, messages


class Writer:
    """What a browser holds of a text."""

    def __init__(self) -> None:
        self.document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        self.text = self.document.get(text.NAME, type=pycrdt.Text)

    def types(self, at: int, letters: str) -> bytes:
        before = self.document.get_state()
        self.text.insert(at, letters)
        return self.document.get_update(before)

    def hears(self, update: bytes) -> None:
        self.document.apply_update(update)


@pytest.fixture
def story() -> list[bytes]:
    """Two hundred updates of two writers, who hear of each other now and then."""
    chance = random.Random(7)
    writers = [Writer(), Writer()]
    updates: list[bytes] = []
    for number in range(200):
        writer = chance.choice(writers)
        updates.append(writer.types(chance.randint(0, len(writer.text)), "abc"[number % 3]))
        if chance.random() < 0.3:
            for update in updates:
                chance.choice(writers).hears(update)
    return updates


def test_in_whatever_order_updates_come_and_how_often_they_add_up_to_one_text(story: list[bytes]) -> None:
    expected = text.read(story)
    assert len(expected) == 200
    for seed in range(5):
        shuffled = story * 2
        random.Random(seed).shuffle(shuffled)
        assert text.read(shuffled) == expected
        assert text.read([text.merge(shuffled[:150]), text.merge(shuffled[150:])]) == expected


def test_merging_keeps_what_waits_for_an_earlier_update() -> None:
    writer = Writer()
    first, second = writer.types(0, "one "), writer.types(4, "two")
    merged = text.merge([second])
    assert text.read([merged]) == ""
    assert text.read([merged, first]) == "one two"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "something"),
        ("something", ""),
        ("a b c", "a B c"),
        ("aaa", "aaaa"),
        ("zoë 😀 ok", "zoë 😁 ok"),
        ("naïve", "naive"),
        ("one\ntwo", "one\n\ntwo\n"),
        ("same", "same"),
    ],
)
def test_a_rewritten_text_reads_as_wanted(old: str, new: str) -> None:
    updates = [text.rewrite([], old)]
    assert text.read(updates) == old
    assert text.read([*updates, text.rewrite(updates, new)]) == new


def test_a_rewriting_touches_only_what_is_different() -> None:
    begun = Writer()
    first = begun.types(0, "The cat sat on the mat.")
    other = Writer()
    other.hears(first)
    meanwhile = other.types(23, " Then it slept.")
    saved = text.rewrite([first], "The dog sat on the mat.")
    assert text.read([first, meanwhile, saved]) == "The dog sat on the mat. Then it slept."


@pytest.mark.parametrize("update", [b"", b"x", b"\xff" * 40, Writer().types(0, "cut short")[:-3]])
def test_bytes_that_are_no_update_are_refused_and_spoil_nothing(
    ada: Visitor, pad: str, settings: Settings, update: bytes
) -> None:
    with pytest.raises(UpdateRefused, match="no update of a text"):
        text.check(update)
    refused = ada.send(f"{pad}/updates.json", update)
    assert refused.status_code == 400
    assert "no update of a text" in refused.json["error"]["message"]
    with db.connect(settings.dsn) as conn:
        assert store.updates(conn, 1) == []
        assert messages(conn, "private-pad-") == []


def test_a_few_bytes_that_ask_for_all_of_the_memory_get_none() -> None:
    update = bytes.fromhex("ca8d88c561127c66f7b9f1828ee52bbfa0008b9b53575268390fcc")
    with pytest.raises(UpdateRefused, match="27 bytes cannot be of 26,183,075,530 writers"):
        text.check(update)


def test_an_update_is_kept_and_told_with_what_its_page_knows_it_by(ada: Visitor, pad: str, settings: Settings) -> None:
    update = Writer().types(0, "Hello")
    assert ada.send(f"{pad}/updates.json?page=tab&number=3", update).status_code == 200
    assert "Hello</textarea>" in ada.get(pad).text
    assert text.read([base64.b64decode(ada.get(f"{pad}/updates.json").json["update"])]) == "Hello"
    with db.connect(settings.dsn) as conn:
        ((event, data),) = messages(conn, "private-pad-")
    assert event == "update"
    assert base64.b64decode(data["update"]) == update
    assert (data["page"], data["number"], data["name"]) == ("tab", "3", "Ada")


def test_an_update_that_is_too_large_for_a_message_is_told_of_and_fetched(
    ada: Visitor, pad: str, settings: Settings
) -> None:
    assert ada.send(f"{pad}/updates.json", Writer().types(0, "x" * 60_000)).status_code == 200
    with db.connect(settings.dsn) as conn:
        assert [data["update"] for _, data in messages(conn, "private-pad-")] == [None]
    assert ada.send(f"{pad}/updates.json", b"x" * 300_000).status_code == 413


def test_a_text_that_is_full_says_so(ada: Visitor, pad: str, settings: Settings) -> None:
    with db.connect(settings.dsn) as conn:
        conn.execute("insert into sample_app.pad_updates (pad_id, update) values (1, %s)", [b"x" * (4 << 20)])
    refused = ada.send(f"{pad}/updates.json", Writer().types(0, "one more"))
    assert refused.status_code == 400
    assert "takes at most 4,194,304 bytes of changes" in refused.json["error"]["message"]


def saved(visitor: Visitor, pad: str, wanted: str, version: str | None = None) -> Any:
    if version is None:
        found = re.search(r'name="version" value="(\w+)"', visitor.get(pad).text)
        assert found
        version = found[1]
    return visitor.post(pad, {"text": wanted, "version": version})


def test_without_scripts_the_text_is_a_form(ada: Visitor, grace: Visitor, pad: str, settings: Settings) -> None:
    assert saved(ada, pad, "One\r\ntwo").status_code == 303
    assert "One\ntwo</textarea>" in grace.get(pad).text
    assert saved(grace, pad, "One\r\ntwo & three").status_code == 303
    assert "One\ntwo &amp; three</textarea>" in ada.get(pad).text
    with db.connect(settings.dsn) as conn:  # those with scripts are told
        assert [event for event, _ in messages(conn, "private-pad-")] == ["update", "update"]


def test_a_form_that_was_sent_out_before_somebody_else_wrote_overwrites_nothing(
    ada: Visitor, grace: Visitor, pad: str
) -> None:
    old = text.version("")
    saved(grace, pad, "Grace wrote this.")
    refused = saved(ada, pad, "Ada wrote that.", old)
    assert refused.status_code == 409
    assert "Ada wrote that.</textarea>" in refused.text
    assert '<pre class="letter" id="there">Grace wrote this.</pre>' in refused.text
    assert "pad.js" not in refused.text  # no script may take hers for what is there
    assert "Grace wrote this.</textarea>" in ada.get(pad).text
    found = re.search(r'name="version" value="(\w+)"', refused.text)
    assert found
    assert saved(ada, pad, "Both wrote.", found[1]).status_code == 303
    assert "Both wrote.</textarea>" in ada.get(pad).text


def test_a_form_that_changes_nothing_writes_nothing(ada: Visitor, pad: str, settings: Settings) -> None:
    saved(ada, pad, "As it is")
    saved(ada, pad, "As it is")
    with db.connect(settings.dsn) as conn:
        assert len(store.updates(conn, 1)) == 1


def test_many_updates_are_merged_and_one_that_comes_meanwhile_is_kept(
    ada: Visitor, pad: str, settings: Settings, story: list[bytes]
) -> None:
    writer = Writer()
    for update in story:
        writer.hears(update)
    late = writer.types(0, "late ")
    with db.connect(settings.dsn) as conn, db.connect(settings.dsn) as other:
        store.add_update(other, 1, late)  # has its number, is not committed
        for update in story:
            store.add_update(conn, 1, update)
        assert compact(conn, 1) == 200
        conn.commit()
        assert len(store.updates(conn, 1)) == 1
        other.commit()
        assert text.read(store.updates(conn, 1)) == "late " + text.read(story)
        assert compact(conn, 1) == 2
        assert text.read(store.updates(conn, 1)) == "late " + text.read(story)
        assert compact(conn, 1) == 0


@pytest.mark.system
def test_after_a_hundred_updates_a_job_merges_them(
    ada: Visitor, pad: str, settings: Settings, work: Callable[[], None]
) -> None:
    writer = Writer()
    for number in range(103):
        ada.send(f"{pad}/updates.json", writer.types(number, "x"))
    with db.connect(settings.dsn) as conn:
        row = conn.execute("select count(*) as n from queueapi.jobs where kind = 'compact_pad'").fetchone()
        assert row == {"n": 1}
        work()
        assert len(store.updates(conn, 1)) == 1
    assert "x" * 103 + "</textarea>" in ada.get(pad).text


def test_texts_are_listed_and_one_without_a_title_is_refused(ada: Visitor, pad: str) -> None:
    page = ada.get("/pads").text
    assert f'<a href="{pad}">Minutes</a>' in page
    assert "still empty" in page
    assert "Write something here." in ada.post("/pads", {"title": " "}).text
