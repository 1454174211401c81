"""For the application: signs what Pusher's clients ask it for at /pusher/auth and /pusher/user-auth.

The application decides, in two functions of its own; this answers in its framework's words::

    auth = PusherAuth(may=lambda request, channel: channel == f"private-user-{request.user.id}")

    auth.falcon(app)                      # or
    app.register_blueprint(auth.flask())  # or
    urlpatterns += auth.django()

There is no JSONP here. A signature is for whatever connection was named, so any page could have a visitor's browser
fetch one for a connection of its own, with the visitor's cookies; and a script can be read by every page.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from longpoll.dialects.pusher_auth import Keys, shared_secret
from longpoll.dialects.pusher_names import (
    checked_name,
    checked_socket_id,
    checked_user_id,
    is_encrypted,
    is_presence,
    is_signed,
)
from longpoll.errors import BadChannel, BadRequest, Refused
from queueapi.errors import SettingsError

CHANNEL_PATH: Final = "pusher/auth"
USER_PATH: Final = "pusher/user-auth"

_MASTER_KEY: Final = 32  # bytes, as a secretbox takes
_encode = msgspec.json.Encoder().encode


class Member(NamedTuple):
    """Who comes into a presence channel. ``info`` is what the others are told: anything that JSON can carry."""

    id: str | int
    info: object = None


class Answer(NamedTuple):
    """What a client is answered; ``body`` is JSON."""

    status: int
    body: bytes


# The framework's request, and the channel -> whether its sender may listen there; in a presence channel, as whom.
May = Callable[[Any, str], bool | Member | None]
# The framework's request -> who sends it, as ``{"id": "…", …}``; None: nobody.
Who = Callable[[Any], Mapping[str, object] | None]


class PusherAuth:
    """1. signs; 2. answers a request; 3. is put into an application.

    Args:
        may: the application's word on a channel.
        who: its word on who somebody is; without it nobody can sign in.
        key, secret: those of ``longpoll-serve``; by default ``LONGPOLL_PUSHER_KEY`` and ``LONGPOLL_PUSHER_SECRET``.
        master_key: of encrypted channels, the 32 bytes in base64 that the server libraries are given as well; by
            default ``LONGPOLL_PUSHER_MASTER_KEY``. ``longpoll-serve`` does not know it.

    Raises:
        SettingsError: key or secret is missing, or the master key is none.
    """

    def __init__(
        self,
        *,
        may: May | None = None,
        who: Who | None = None,
        key: str | None = None,
        secret: str | None = None,
        master_key: str | None = None,
    ) -> None:
        self._may = may
        self._who = who
        self._keys = Keys(_setting("KEY", key), _setting("SECRET", secret))
        self._master_key = _master_key(master_key or os.environ.get("LONGPOLL_PUSHER_MASTER_KEY", ""))

    # -- 1. signing

    def channel(self, socket_id: str, channel: str, member: Member | None = None) -> dict[str, str]:
        """What lets that connection subscribe to that channel.

        Raises:
            BadRequest, BadChannel: there can be no such connection, channel or member.
            SettingsError: the channel is encrypted, and there is no master key.
        """
        checked_socket_id(socket_id)
        if not is_signed(checked_name(channel)):
            raise BadChannel(f"{channel} is public, and takes no signature", [channel])
        data = None if member is None else _member(member)
        found = {"auth": self._keys.channel(socket_id, channel, data)}
        if data is not None:
            found["channel_data"] = data
        if is_encrypted(channel):
            if self._master_key is None:
                raise SettingsError(
                    f"{channel} is encrypted, and its key comes from LONGPOLL_PUSHER_MASTER_KEY, which is not set"
                )
            found["shared_secret"] = shared_secret(channel, self._master_key)
        return found

    def user(self, socket_id: str, user: Mapping[str, object]) -> dict[str, str]:
        """What signs that connection in as that user.

        Raises:
            BadRequest: there can be no such connection or user.
        """
        checked_socket_id(socket_id)
        data = _encode({**user, "id": checked_user_id(user.get("id"))}).decode()
        return {"auth": self._keys.user(socket_id, data), "user_data": data}

    # -- 2. answering

    def answer_channel(self, request: object, form: Mapping[str, Any]) -> Answer:
        """Of a request to /pusher/auth, with its form."""
        return _answered(lambda: self._channel(request, form.get("socket_id"), form.get("channel_name")))

    def answer_user(self, request: object, form: Mapping[str, Any]) -> Answer:
        """Of a request to /pusher/user-auth, with its form."""
        return _answered(lambda: self._user(request, form.get("socket_id")))

    def _channel(self, request: object, socket_id: Any, name: Any) -> dict[str, str] | None:
        socket_id, channel = checked_socket_id(socket_id), checked_name(name)
        allowed = self._may(request, channel) if self._may is not None else None
        if not allowed:
            return None
        if isinstance(allowed, Member):
            return self.channel(socket_id, channel, allowed)
        # Without a member a client must be signed in: then it comes as that user.
        return self.channel(socket_id, channel) if self._who is not None or not is_presence(channel) else None

    def _user(self, request: object, socket_id: Any) -> dict[str, str] | None:
        socket_id = checked_socket_id(socket_id)
        user = self._who(request) if self._who is not None else None
        return None if user is None else self.user(socket_id, user)

    # -- 3. in an application

    def falcon(self, app: Any, prefix: str = "/") -> None:
        """Add both routes to a Falcon app (WSGI)."""
        app.add_route(prefix + CHANNEL_PATH, _FalconResource(self.answer_channel))
        app.add_route(prefix + USER_PATH, _FalconResource(self.answer_user))

    def flask(self, name: str = "pusher") -> Any:
        """A Flask blueprint with both routes."""
        from flask import Blueprint, Response, request

        blueprint = Blueprint(name, __name__)

        def view(answer: Callable[[object, Mapping[str, Any]], Answer]) -> Callable[[], Response]:
            def respond() -> Response:
                found = answer(request, request.form)
                return Response(found.body, found.status, mimetype="application/json")

            return respond

        blueprint.add_url_rule(f"/{CHANNEL_PATH}", "auth", view(self.answer_channel), methods=["POST"])
        blueprint.add_url_rule(f"/{USER_PATH}", "user_auth", view(self.answer_user), methods=["POST"])
        return blueprint

    def django(self) -> list[Any]:
        """Both routes, for Django's ``urlpatterns``."""
        from django.http import HttpResponse
        from django.urls import path
        from django.views.decorators.csrf import csrf_exempt
        from django.views.decorators.http import require_POST

        def view(answer: Callable[[object, Mapping[str, Any]], Answer]) -> Any:
            def respond(request: Any) -> Any:
                found = answer(request, request.POST)
                return HttpResponse(found.body, status=found.status, content_type="application/json")

            # It changes nothing, and no page of another origin can read what is answered.
            return csrf_exempt(require_POST(respond))

        return [path(CHANNEL_PATH, view(self.answer_channel)), path(USER_PATH, view(self.answer_user))]


class _FalconResource:
    def __init__(self, answer: Callable[[object, Mapping[str, Any]], Answer]) -> None:
        self._answer = answer

    def on_post(self, req: Any, resp: Any) -> None:
        import falcon

        form = req.get_media()
        found = self._answer(req, form if isinstance(form, dict) else {})
        resp.status = falcon.code_to_http_status(found.status)
        resp.content_type = falcon.MEDIA_JSON
        resp.data = found.body


def _answered(sign: Callable[[], dict[str, str] | None]) -> Answer:
    try:
        signed = sign()
    except Refused as refused:
        return Answer(refused.status, _encode({"error": str(refused)}))
    if signed is None:
        return Answer(403, _encode({"error": "the application does not let you"}))
    return Answer(200, _encode(signed))


def _member(member: Member) -> str:
    try:
        return _encode({"user_id": checked_user_id(member.id), "user_info": member.info}).decode()
    except TypeError as error:
        raise BadRequest(f"the info of member {member.id!r} cannot be written as JSON: {error}") from None


def _setting(name: str, given: str | None) -> str:
    found = given or os.environ.get(f"LONGPOLL_PUSHER_{name}", "")
    if not found:
        raise SettingsError(f"LONGPOLL_PUSHER_{name} is not set: it should be that of longpoll-serve")
    return found


def _master_key(text: str) -> bytes | None:
    if not text:
        return None
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _MASTER_KEY:
        raise SettingsError(f"the master key of encrypted channels should be {_MASTER_KEY} bytes in base64")
    return key
