"""Pusher's HTTP API, for its server libraries: /apps/{app_id}/…, each request signed by the application's secret."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import falcon

from longpoll.dialects import pusher_api
from longpoll.dialects.pusher_api import Trigger
from longpoll.dialects.pusher_names import checked_name, checked_user_id, is_presence
from longpoll.endpoints.pusher_desk import Desk
from longpoll.errors import BadRequest, Refused
from queueapi.postgres.census import Census
from queueapi.presence import Crowd

NOBODY = Crowd(0, 0)


class UnknownApplication(Refused, LookupError):
    """Another is served here."""

    status = 404
    code = "unknown_application"


class Signed:
    """What all of them share: nothing is looked at before the signature."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._application = desk.application

    def _check(self, req: falcon.Request, app_id: str | None) -> tuple[dict[str, str], bytes]:
        """The query and the body.

        Raises:
            Refused: it is not signed, or not for this application.
        """
        if app_id is not None and app_id != self._application.app_id:
            raise UnknownApplication(
                f"there is no application {app_id[:50]!r} here: it should be that of LONGPOLL_PUSHER_APP_ID"
            )
        body = self._body(req)
        query = self._desk.keys.check_request(req.method, req.path, req.query_string, body, time.time())
        return query, body

    def _body(self, req: falcon.Request) -> bytes:
        at_most = self._application.max_body
        body = b"" if (req.content_length or 0) > at_most else req.bounded_stream.read(at_most + 1)
        if len(body) > at_most or (req.content_length or 0) > at_most:
            raise pusher_api.TooLarge(f"the body is longer than {at_most} bytes: send less at once")
        return body

    @property
    def _census(self) -> Census:
        return Census(self._desk.services.runtime.pool)

    def _answer(self, resp: falcon.Response, answer: Mapping[str, object]) -> None:
        resp.content_type = falcon.MEDIA_JSON
        resp.data = pusher_api.write(answer)

    def _attributes(self, info: frozenset[str], names: Iterable[str]) -> dict[str, dict[str, object]]:
        """Of each channel, what was asked for, whether anybody is there or not."""
        wanted = list(names)
        crowds = self._census.crowds(wanted)
        latest = self._census.latest(wanted, pusher_api.CACHE_AGE) if pusher_api.CACHE in info else {}
        return {name: pusher_api.attributes(info, crowds.get(name, NOBODY), latest.get(name)) for name in wanted}


class Events(Signed):
    """POST /apps/{app_id}/events: publishes an event on some channels."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, app_id: str) -> None:
        _, body = self._check(req, app_id)
        trigger = pusher_api.read_event(body, self._application.max_data)
        self._desk.publish(trigger.messages)
        self._answer(resp, {"channels": self._attributes(*_applicable(trigger))} if trigger.info else {})


class BatchEvents(Signed):
    """POST /apps/{app_id}/batch_events: publishes several events, all or none."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, app_id: str) -> None:
        _, body = self._check(req, app_id)
        batch = pusher_api.read_batch(body, self._application.max_data)
        self._desk.publish([message for trigger in batch for message in trigger.messages])
        if not any(trigger.info for trigger in batch):
            self._answer(resp, {})
            return
        found = [self._attributes(*_applicable(trigger)) if trigger.info else {} for trigger in batch]
        self._answer(resp, {"batch": [next(iter(one.values()), {}) for one in found]})


class AllChannels(Signed):
    """GET /apps/{app_id}/channels: where anybody is."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, app_id: str) -> None:
        query, _ = self._check(req, app_id)
        prefix, info = query.get("filter_by_prefix", ""), pusher_api.read_info(query.get("info"))
        pusher_api.check_info(info - {pusher_api.CACHE}, [prefix])
        crowds = self._census.channels(_text(prefix))
        self._answer(
            resp,
            {"channels": {name: pusher_api.attributes(info - {pusher_api.CACHE}, crowds[name]) for name in crowds}},
        )


class OneChannel(Signed):
    """GET /apps/{app_id}/channels/{name}: whether anybody is there, and what else is asked for."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, app_id: str, name: str) -> None:
        query, _ = self._check(req, app_id)
        channel, info = checked_name(name), pusher_api.read_info(query.get("info"))
        pusher_api.check_info(info, [channel])
        occupied = bool(self._census.crowds([channel]))
        self._answer(resp, {"occupied": occupied, **self._attributes(info, [channel])[channel]})


class Users(Signed):
    """GET /apps/{app_id}/channels/{name}/users: the members of a presence channel."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, app_id: str, name: str) -> None:
        self._check(req, app_id)
        channel = checked_name(name)
        if not is_presence(channel):
            raise BadRequest(f"{channel} knows no users: the names of channels that do begin with presence-")
        self._answer(resp, {"users": [{"id": user_id} for user_id in self._census.users(channel)]})


class TerminateConnections(Signed):
    """POST /apps/{app_id}/users/{user_id}/terminate_connections: sends a user's connections away, on all nodes.

    Also without ``/apps/{app_id}``: so the Python library calls and signs it.
    """

    def on_post(self, req: falcon.Request, resp: falcon.Response, user_id: str, app_id: str | None = None) -> None:
        self._check(req, app_id)
        self._desk.terminate(checked_user_id(user_id))
        self._answer(resp, {})


def add_routes(add: Callable[[str, Any], None], desk: Desk) -> None:
    """All of it."""
    terminate = TerminateConnections(desk)
    add("/apps/{app_id}/events", Events(desk))
    add("/apps/{app_id}/batch_events", BatchEvents(desk))
    add("/apps/{app_id}/channels", AllChannels(desk))
    add("/apps/{app_id}/channels/{name}", OneChannel(desk))
    add("/apps/{app_id}/channels/{name}/users", Users(desk))
    add("/apps/{app_id}/users/{user_id}/terminate_connections", terminate)
    add("/users/{user_id}/terminate_connections", terminate)


def _applicable(trigger: Trigger) -> tuple[frozenset[str], list[str]]:
    """Of what is asked for, the part that all of the channels have."""
    info = trigger.info - {pusher_api.CACHE}
    if not all(is_presence(name) for name in trigger.channels):
        info -= {pusher_api.USERS}
    return info, trigger.channels


def _text(prefix: str) -> str:
    if not prefix.isprintable() or len(prefix) > 200:
        raise BadRequest(f"filter_by_prefix={prefix[:50]!r} is the beginning of no channel's name")
    return prefix
