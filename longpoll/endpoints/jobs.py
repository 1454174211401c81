"""A job by its ticket, without waiting: GET /job shows it, POST /job/cancel takes it back, or has it told to stop."""

from __future__ import annotations

import falcon

from longpoll.dialects import native
from longpoll.endpoints.requests import body_of, callback_of
from longpoll.errors import BadRequest, BadTicket, UnknownJob
from longpoll.jobbook import JobState
from longpoll.names import Channels
from longpoll.reading import state_of
from longpoll.services import Services
from longpoll.transports import jsonp
from queueapi import tickets
from queueapi.errors import TicketRefused

# A ticket of the longest kind, and the JSON around it.
_MAX_BODY = native.MAX_TICKET + 100


class Job:
    """GET /job?ticket=: a job's present state, without waiting."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._runtime = services.runtime

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = callback_of(req, resp)
        ticket = req.params.get("ticket")
        if not isinstance(ticket, str):
            raise BadRequest("the query should have one ticket=")
        visitor = self._services.visitor(req, "native")
        body = native.write_job(self._state(self._services.door.listen(visitor, [ticket]), ticket))
        resp.data = body if callback is None else jsonp.wrap(callback, body)

    on_head = on_get

    def _state(self, channels: Channels, ticket: str) -> JobState:
        if not channels.jobs:
            raise BadTicket("this is not a job's ticket: poll for its messages", [ticket])
        id_ = channels.jobs[0][0]
        status = self._runtime.read(id_) if id_ >= 0 else self._runtime.bundles.read(-id_)
        if status is None:
            what = f"job {id_}" if id_ >= 0 else f"batch {-id_}"
            raise UnknownJob(f"there is no {what}: its transaction was rolled back, or it is no longer kept", [ticket])
        return state_of(status)


class Cancel:
    """By POST alone: what fetches addresses ahead, or again, must not stop anything."""

    def __init__(self, services: Services) -> None:
        self._runtime = services.runtime
        self._signer = services.door.signer

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        ticket = native.read_ticket(body_of(req, _MAX_BODY, "it should hold one ticket"))
        try:
            job = tickets.may_cancel(self._signer, ticket)
        except TicketRefused as error:
            raise BadTicket(str(error), [ticket]) from error
        resp.data = native.write_cancelled(self._runtime.cancel(job))
