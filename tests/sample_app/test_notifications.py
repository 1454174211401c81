"""Notifications: the message, the mail server, and nobody mailed twice."""

from __future__ import annotations

import email
import email.policy
import smtplib
import socket
import threading
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from sample_app.db import Connection, connect
from sample_app.notifications import store
from sample_app.notifications.message import render
from sample_app.notifications.sending import MailRefused, MailServerAway, send_mailing
from sample_app.people import Person, person
from sample_app.settings import Settings

Send = Callable[..., dict[str, int]]


def quiet(done: int, total: int, message: str) -> None:
    """No progress."""


@pytest.fixture
def mailing(conn: Connection) -> int:
    """A mailing to seven."""
    mailing_id = store.add_mailing(conn, "your order", 7)
    conn.commit()
    return mailing_id


def test_a_message_is_personal_in_both_its_parts() -> None:
    message = render(3, 4, Person("Zoë <O'Neill>", "zoe@example.com"), "hello & welcome", 10)
    plain, html = [part.get_content() for part in message.iter_parts()]
    assert message["Subject"] == "Zoë, hello & welcome"
    assert "Dear Zoë <O'Neill>," in plain
    assert "number 5 of 10" in plain
    assert "Dear Zoë &lt;O&#39;Neill&gt;," in html
    assert "hello &amp; welcome" in html


def test_the_message_id_is_the_same_for_the_same_recipient_of_the_same_mailing() -> None:
    ids = [
        render(mailing, number, person(number), "s", 9)["Message-ID"]
        for mailing, number in [(1, 2), (1, 2), (1, 3), (2, 2)]
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_people_have_different_addresses_that_mail_can_carry() -> None:
    people = [person(number) for number in range(2000)]
    assert len({one.email for one in people}) == 2000
    assert all(one.email.isascii() and " " not in one.email for one in people)


@pytest.mark.system
@pytest.mark.usefixtures("mail_server")
def test_every_recipient_gets_one_message_and_can_be_read_back(
    conn: Connection, settings: Settings, mailing: int
) -> None:
    said: list[tuple[int, int, str]] = []
    result = send_mailing(conn, mailing, "127.0.0.1", settings.smtp_port, lambda *words: said.append(words))
    assert result == {"sent": 7, "skipped": 0}
    assert said[-1] == (7, 7, "7 of 7 messages sent")
    mails = store.newest_mails(conn, 100, of_mailing=mailing)
    assert sorted(mail["recipient"] for mail in mails) == sorted(person(number).email for number in range(7))
    mail = store.find_mail(conn, mails[0]["id"])
    assert mail is not None
    stored = email.message_from_bytes(mail["source"], policy=email.policy.default)
    assert isinstance(stored, EmailMessage)
    assert stored.get_body(("plain",)).get_content().startswith(f"Dear {person(6).name},")  # type: ignore[union-attr]


@pytest.mark.system
@pytest.mark.usefixtures("mail_server")
def test_a_second_run_mails_nobody_again(conn: Connection, settings: Settings, mailing: int) -> None:
    def die_at_four(done: int, total: int, message: str) -> None:
        if done == 4:
            raise RuntimeError("the worker dies")

    with pytest.raises(RuntimeError):
        send_mailing(conn, mailing, "127.0.0.1", settings.smtp_port, die_at_four)
    result = send_mailing(conn, mailing, "127.0.0.1", settings.smtp_port, quiet)
    assert result == {"sent": 3, "skipped": 4}
    assert len(store.newest_mails(conn, 100)) == 7


@pytest.mark.system
@pytest.mark.usefixtures("mail_server")
def test_two_runs_at_once_share_the_recipients(conn: Connection, settings: Settings, mailing: int) -> None:
    results: list[dict[str, int]] = []

    def send() -> None:
        with connect(settings.dsn) as own:
            results.append(send_mailing(own, mailing, "127.0.0.1", settings.smtp_port, quiet))

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result["sent"] for result in results) == 7
    assert Counter(mail["recipient"] for mail in store.newest_mails(conn, 100)).most_common(1)[0][1] == 1


@pytest.mark.system
@pytest.mark.usefixtures("mail_server")
def test_the_mail_server_stores_a_message_that_comes_twice_once(conn: Connection, settings: Settings) -> None:
    with smtplib.SMTP("127.0.0.1", settings.smtp_port, timeout=10) as server:
        for _ in range(2):
            server.send_message(render(1, 1, person(1), "s", 9))
        server.sendmail("a@example.com", ["b@example.com", "c@example.com"], b"no header at all")
    assert [mail["subject"] for mail in store.newest_mails(conn, 100)] == ["", "", f"{person(1).name.split()[0]}, s"]


def test_a_mail_server_that_is_not_there_is_said_so_and_nothing_is_noted(
    conn: Connection, settings: Settings, mailing: int
) -> None:
    with pytest.raises(MailServerAway, match=f"127.0.0.1:{settings.smtp_port} does not answer; is it running"):
        send_mailing(conn, mailing, "127.0.0.1", settings.smtp_port, quiet)
    assert conn.execute("select count(*) as n from sample_app.deliveries").fetchone() == {"n": 0}


class Grumpy(threading.Thread):
    """A mail server that says one thing to each line."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__()
        self._answers = answers
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]

    def run(self) -> None:
        client, _ = self._door.accept()
        with self._door, client, client.makefile("rb") as lines:
            client.sendall(b"220 hello\r\n")
            for answer in self._answers:
                lines.readline()
                client.sendall(answer)


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([b"250 hello\r\n", b"550 not you\r\n", b"250 ok\r\n", b"221 bye\r\n"], MailRefused, "message 1 of 7.*not you"),
        ([b"250 hello\r\n"], MailServerAway, "hung up after 0 of 7 messages"),
    ],
)
def test_what_a_bad_mail_server_does_is_said_and_not_noted_as_sent(
    conn: Connection, mailing: int, answers: list[bytes], error: type[Exception], words: str
) -> None:
    server = Grumpy(answers)
    server.start()
    with pytest.raises(error, match=words):
        send_mailing(conn, mailing, "127.0.0.1", server.port, quiet)
    server.join()
    assert conn.execute("select count(*) as n from sample_app.deliveries").fetchone() == {"n": 0}
