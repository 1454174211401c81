"""The rules of the web layer: whose forms are taken, what a page may load, what is said when something is wrong."""

from __future__ import annotations

import pytest

from sample_app.settings import SettingRefused, Settings
from sample_app.web.forms import FieldRefused, line_of_text, one_of, whole_number
from sample_app.web.rendering import size
from sample_app.web.security import content_policy, is_ours, push_address

PUSH = "http://127.0.0.1:9292"


@pytest.mark.parametrize(
    ("configured", "host", "expected"),
    [
        (PUSH, "127.0.0.1:8000", PUSH),
        (PUSH, "localhost:8000", "http://localhost:9292"),
        (PUSH, "192.168.1.5:8000", "http://192.168.1.5:9292"),
        (PUSH, "my-machine.local", "http://my-machine.local:9292"),
        (PUSH, "[::1]:8000", "http://[::1]:9292"),
        (PUSH, "[::1]", "http://[::1]:9292"),
        (PUSH, "evil; script-src *", PUSH),
        (PUSH, "a b", PUSH),
        (PUSH, "", PUSH),
        (PUSH, 'x"><script>', PUSH),
        ("https://push.example.com", "localhost:8000", "https://push.example.com"),
        ("http://127.0.0.1:9292/live", "localhost:8000", "http://localhost:9292/live"),
    ],
)
def test_longpoll_is_looked_for_on_the_host_that_the_page_came_from(configured: str, host: str, expected: str) -> None:
    assert push_address(configured, host) == expected


def test_a_page_may_load_scripts_from_us_and_from_longpoll_only_and_be_told_by_it() -> None:
    policy = content_policy("http://localhost:9292/live")
    assert "default-src 'none'" in policy
    assert "script-src 'self' http://localhost:9292;" in policy
    assert "connect-src 'self' http://localhost:9292 ws://localhost:9292;" in policy
    assert "wss://push.example.com;" in content_policy("https://push.example.com")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("fetch_site", "origin", "ours"),
    [
        ("same-origin", None, True),
        ("none", None, True),
        ("cross-site", None, False),
        ("same-site", "http://127.0.0.1:8000", False),
        (None, "http://127.0.0.1:8000", True),
        (None, "http://127.0.0.1:8001", False),
        (None, "http://evil.example", False),
        (None, "null", False),
        (None, None, True),
    ],
)
def test_forms_are_taken_from_our_own_pages_and_from_no_page(fetch_site: str, origin: str, ours: bool) -> None:
    assert is_ours(fetch_site, origin, "127.0.0.1:8000") is ours


@pytest.mark.parametrize("text", ["", "4", "501", "5.5", "-7", "1e2", "²", "٧", "9" * 30, "x"])
def test_a_number_out_of_bounds_is_refused_in_a_sentence_that_names_them(text: str) -> None:
    with pytest.raises(FieldRefused, match="Give a whole number from 5 to 500") as refused:
        whole_number({"n": text}, "n", 5, 500)
    assert refused.value.field == "n"


@pytest.mark.parametrize(("text", "number"), [("5", 5), (" 500 ", 500), ("007", 7)])
def test_a_number_in_bounds_is_taken(text: str, number: int) -> None:
    assert whole_number({"n": text}, "n", 5, 500) == number


@pytest.mark.parametrize("text", ["", " \n ", "x" * 101, "a\0b", "\u202e"])
def test_text_that_cannot_be_mailed_is_refused(text: str) -> None:
    with pytest.raises(FieldRefused):
        line_of_text({"t": text}, "t", 100)


def test_a_line_break_cannot_get_into_a_mail_header() -> None:
    assert line_of_text({"t": "hello\r\nBcc: all@example.com"}, "t", 100) == "hello Bcc: all@example.com"


def test_only_offered_choices_are_taken() -> None:
    assert one_of({"c": "a"}, "c", ["a", "b"]) == "a"
    with pytest.raises(FieldRefused):
        one_of({}, "c", ["a", "b"])


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (3_208_195, "3.2 MB"), (1000, "1.0 KB"), (5 * 10**12, "5.0 TB")],
)
def test_sizes_are_said_as_people_say_them(count: int, text: str) -> None:
    assert size(count) == text


def test_settings_have_defaults_for_everything() -> None:
    assert Settings.from_env({}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("SMTP_PORT", "70000"),
        ("SLOW_API_PORT", "-1"),
        ("LONGPOLL_URL", "127.0.0.1:9292"),
        ("LONGPOLL_URL", "ftp://x"),
        ("LONGPOLL_URL", "http://x:99999"),
        ("LONGPOLL_URL", "http://x; script-src *"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingRefused, match=name) as refused:
        Settings.from_env({name: value})
    assert repr(value) in str(refused.value)
