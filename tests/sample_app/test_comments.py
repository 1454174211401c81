"""Comments under a text, as forms send them and as scripts do."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from sample_app import db
from sample_app.settings import Settings
from tests.sample_app.visitors import Visitor, messages


def published(settings: Settings) -> list[tuple[str, Any]]:
    with db.connect(settings.dsn) as conn:
        return messages(conn, "private-pad-")


def test_a_form_leads_back_to_the_comment_and_everybody_can_read_it(ada: Visitor, grace: Visitor, pad: str) -> None:
    sent = grace.post(f"{pad}/comments", {"name": "Grace", "body": "Two lines,\r\nno more", "nonce": "1"})
    assert sent.status_code == 303
    assert sent.headers["location"] == f"{pad}#comment-1"
    page = ada.get(pad).text
    assert '<li id="comment-1"><p class="body">Two lines,\nno more</p>' in page
    assert "Grace, " in page


def test_a_comment_is_published_with_it_and_holds_no_key(ada: Visitor, pad: str, settings: Settings) -> None:
    answer = ada.post(f"{pad}/comments.json", {"name": "Ada", "body": "<b>bold</b>", "nonce": "77"}).json
    assert answer["body"] == "<b>bold</b>"  # plain text: who shows it puts it in as that
    ((event, data),) = published(settings)
    assert event == "comment"
    assert {name: data[name] for name in answer} == answer
    assert data["nonce"] == "77"
    assert set(data) == {*answer, "mark", "nonce"}
    assert "&lt;b&gt;bold&lt;/b&gt;" in ada.get(pad).text
    assert f'data-mark="{data["mark"]}"' in ada.get(pad).text


def test_a_form_that_is_sent_twice_is_one_comment(ada: Visitor, pad: str, settings: Settings) -> None:
    first = ada.post(f"{pad}/comments.json", {"name": "Ada", "body": "Once", "nonce": "1"}).json
    assert ada.post(f"{pad}/comments.json", {"name": "Ada", "body": "Once", "nonce": "1"}).json == first
    assert len(published(settings)) == 1
    assert len(ada.get(f"{pad}/comments.json").json) == 1
    with db.connect(settings.dsn) as conn:
        jobs = conn.execute("select count(*) as n from queueapi.jobs where kind = 'tell_followers'").fetchone()
    assert jobs == {"n": 1}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "Ada", "body": " \n "}, "Write something here."),
        ({"name": "", "body": "x"}, "Write something here."),
        ({"name": "Ada", "body": "x" * 2001}, "Write at most 2,000 letters; these are 2,001."),
        ({"name": "Ada", "body": "a\0b"}, "There are characters in this that cannot be shown."),
        ({"name": "x" * 41, "body": "x"}, "Write at most 40 letters; these are 41."),
    ],
)
def test_what_cannot_be_a_comment_comes_back_with_what_is_wrong(
    ada: Visitor, pad: str, settings: Settings, fields: dict[str, str], words: str
) -> None:
    refused = ada.post(f"{pad}/comments", fields)
    assert refused.status_code == 400
    assert words in refused.text
    assert 'aria-invalid="true"' in refused.text
    said = ada.post(f"{pad}/comments.json", fields)
    assert said.status_code == 400
    assert said.json["error"]["message"] == words
    assert published(settings) == []


def test_who_writes_under_a_name_has_it_from_then_on(app: Any, pad: str) -> None:
    visitor = Visitor(app)
    visitor.post(f"{pad}/comments", {"name": "Emmy", "body": "Hello", "nonce": "1"})
    assert 'value="Emmy"' in visitor.get("/you").text


def test_a_hint_says_who_writes_and_is_kept_nowhere_else(app: Any, ada: Visitor, pad: str, settings: Settings) -> None:
    assert ada.post(f"{pad}/writing.json", {"name": "Ada"}).status_code == 200
    stranger = Visitor(app)
    stranger.get("/")
    assert stranger.post(f"{pad}/writing.json", {}).status_code == 200
    said = published(settings)
    assert [event for event, _ in said] == ["writing", "writing"]
    assert said[0][1]["name"] == "Ada"
    assert f'value="{said[1][1]["name"]}"' in unescape(stranger.get("/you").text)  # called the same everywhere
    assert ada.get(f"{pad}/comments.json").json == []


@pytest.mark.parametrize("path", ["/comments", "/comments.json", "/writing.json", "/follow", "/updates.json", ""])
def test_other_sites_pages_can_do_nothing_in_a_visitors_name(app: Any, pad: str, path: str) -> None:
    form = {"name": "Ada", "body": "x", "text": "x", "follow": "yes"}
    answer = Visitor(app).post(pad + path, form, site="cross-site")
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/comments", "/comments.json", "/writing.json", "/follow", "/updates.json", ""])
def test_a_text_that_is_not_there_takes_nothing(ada: Visitor, path: str) -> None:
    assert ada.post(f"/pads/99{path}", {"name": "Ada", "body": "x", "follow": "yes"}).status_code == 404
