"""What an application answers at /pusher/auth and /pusher/user-auth: in three frameworks, and as Pusher's library."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import falcon
import falcon.testing
import flask
import pytest

from longpoll.errors import BadChannel, BadRequest
from longpoll.pusher import Member, PusherAuth
from queueapi.errors import SettingsError
from tests.longpoll.pusher_peer import APP_ID, KEY, KEYS, SECRET

MASTER = base64.b64encode(bytes(range(32))).decode()

Post = Callable[..., tuple[int, Any]]


def may(request: Any, channel: str) -> bool | Member | None:
    """An application's word: it knows who asks by a header."""
    who = request.headers.get("X-Who") or request.headers.get("X-WHO")
    if channel.startswith("presence-"):
        return Member(who, {"name": who}) if who else None
    return channel in (f"private-{who}", f"private-encrypted-{who}")


def who(request: Any) -> dict[str, object] | None:
    name = request.headers.get("X-Who") or request.headers.get("X-WHO")
    return {"id": name, "user_info": {"name": name}} if name else None


@pytest.fixture
def auth() -> PusherAuth:
    return PusherAuth(may=may, who=who, key=KEY, secret=SECRET, master_key=MASTER)


def by_falcon(auth: PusherAuth) -> Post:
    app = falcon.App()
    auth.falcon(app)
    client = falcon.testing.TestClient(app)

    def post(path: str, form: dict[str, str], name: str = "") -> tuple[int, Any]:
        reply = client.simulate_post(path, params=form, headers={"X-Who": name} if name else {},
                                     content_type="application/x-www-form-urlencoded",
                                     body="&".join(f"{key}={value}" for key, value in form.items()))  # fmt: skip
        return reply.status_code, reply.json

    return post


def by_flask(auth: PusherAuth) -> Post:
    app = flask.Flask(__name__)
    app.register_blueprint(auth.flask())
    client = app.test_client()

    def post(path: str, form: dict[str, str], name: str = "") -> tuple[int, Any]:
        reply = client.post(path, data=form, headers={"X-Who": name} if name else {})
        return reply.status_code, reply.json

    return post


def by_django(auth: PusherAuth) -> Post:
    django = pytest.importorskip("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["testserver"], SECRET_KEY="s" * 50)
        django.setup()
    from django.test import RequestFactory

    views = {f"/{one.pattern}": one.callback for one in auth.django()}

    def post(path: str, form: dict[str, str], name: str = "") -> tuple[int, Any]:
        reply = views[path](RequestFactory(enforce_csrf_checks=True).post(path, form, headers={"X-Who": name}))
        return reply.status_code, json.loads(reply.content)

    return post


@pytest.fixture(params=[by_falcon, by_flask, by_django], ids=["falcon", "flask", "django"])
def post(request: pytest.FixtureRequest, auth: PusherAuth) -> Post:
    make: Callable[[PusherAuth], Post] = request.param
    return make(auth)


def test_the_application_decides_who_may_listen(post: Post) -> None:
    form = {"socket_id": "1.2", "channel_name": "private-ann"}
    assert post("/pusher/auth", form, "ann") == (200, {"auth": KEYS.channel("1.2", "private-ann")})
    assert post("/pusher/auth", form, "bob")[0] == 403
    assert post("/pusher/auth", form)[0] == 403


def test_a_member_is_who_the_application_says(post: Post) -> None:
    status, answer = post("/pusher/auth", {"socket_id": "1.2", "channel_name": "presence-room"}, "ann")
    assert status == 200
    assert json.loads(answer["channel_data"]) == {"user_id": "ann", "user_info": {"name": "ann"}}
    assert KEYS.allows_channel(answer["auth"], "1.2", "presence-room", answer["channel_data"])


def test_a_user_is_who_the_application_says(post: Post) -> None:
    status, answer = post("/pusher/user-auth", {"socket_id": "1.2"}, "ann")
    assert status == 200
    assert json.loads(answer["user_data"]) == {"id": "ann", "user_info": {"name": "ann"}}
    assert KEYS.allows_user(answer["auth"], "1.2", answer["user_data"])
    assert post("/pusher/user-auth", {"socket_id": "1.2"})[0] == 403


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"socket_id": "1.2"},
        {"socket_id": "x", "channel_name": "private-ann"},
        {"socket_id": "1.2:x", "channel_name": "private-ann"},
        {"socket_id": "1.2", "channel_name": "private-ann:x"},
        {"socket_id": "1.2", "channel_name": "news"},
        {"socket_id": "1.2", "channel_name": "longpoll:user:ann"},
    ],
)
def test_nothing_is_signed_that_is_no_channel_of_a_connection(post: Post, form: dict[str, str]) -> None:
    status, answer = post("/pusher/auth", form, "ann")
    assert status in (400, 403)
    assert "auth" not in answer


def test_signatures_are_those_of_pushers_own_library(auth: PusherAuth) -> None:
    library = pytest.importorskip("pusher")
    theirs = library.Pusher(APP_ID, KEY, SECRET, encryption_master_key_base64=MASTER)
    assert auth.channel("1.2", "private-a") == theirs.authenticate("private-a", "1.2")
    ours = auth.channel("1.2", "private-encrypted-a")
    found = theirs.authenticate("private-encrypted-a", "1.2")
    assert ours == {"auth": found["auth"], "shared_secret": found["shared_secret"].decode()}
    answer = theirs.authenticate("presence-a", "1.2", {"user_id": "7", "user_info": {"a": "ü"}})
    assert KEYS.allows_channel(answer["auth"], "1.2", "presence-a", answer["channel_data"])
    answer = theirs.authenticate_user("1.2", {"id": "7"})
    assert KEYS.allows_user(answer["auth"], "1.2", answer["user_data"])


def test_what_cannot_be_signed_is_named(auth: PusherAuth) -> None:
    with pytest.raises(BadChannel, match="public"):
        auth.channel("1.2", "news")
    with pytest.raises(BadRequest, match="JSON"):
        auth.channel("1.2", "presence-a", Member("7", object()))
    with pytest.raises(BadRequest, match="user's id"):
        auth.user("1.2", {})
    with pytest.raises(SettingsError, match="MASTER_KEY"):
        PusherAuth(key=KEY, secret=SECRET).channel("1.2", "private-encrypted-a")


def test_settings_come_from_the_environment_or_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="LONGPOLL_PUSHER_KEY"):
        PusherAuth()
    monkeypatch.setenv("LONGPOLL_PUSHER_KEY", KEY)
    monkeypatch.setenv("LONGPOLL_PUSHER_SECRET", SECRET)
    assert PusherAuth().channel("1.2", "private-a") == {"auth": KEYS.channel("1.2", "private-a")}
    for wrong in ("x", base64.b64encode(b"short").decode()):
        with pytest.raises(SettingsError, match="32 bytes"):
            PusherAuth(master_key=wrong)


def test_without_a_word_of_the_application_nobody_may_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = PusherAuth(key=KEY, secret=SECRET)
    assert auth.answer_channel(None, {"socket_id": "1.2", "channel_name": "private-a"}).status == 403
    assert auth.answer_user(None, {"socket_id": "1.2"}).status == 403
    yes = PusherAuth(may=lambda request, channel: True, key=KEY, secret=SECRET)
    assert yes.answer_channel(None, {"socket_id": "1.2", "channel_name": "private-a"}).status == 200
    assert yes.answer_channel(None, {"socket_id": "1.2", "channel_name": "presence-a"}).status == 403, "as whom?"
