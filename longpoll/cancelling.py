"""POST /job/cancel: whoever holds a ticket that allows it takes a job back, or has it told to stop."""

from __future__ import annotations

import falcon

from longpoll.dialects import native
from longpoll.errors import BadRequest, BadTicket
from queueapi import tickets
from queueapi.errors import TicketRefused
from queueapi.runtime import Runtime
from queueapi.signing import Signer

# A ticket of the longest kind, and the JSON around it.
_MAX_BODY = native.MAX_TICKET + 100


class Cancel:
    """By POST alone: what fetches addresses ahead, or again, must not stop anything."""

    def __init__(self, runtime: Runtime, signer: Signer) -> None:
        self._runtime = runtime
        self._signer = signer

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        # Whatever the Content-Type: text/plain is what spares a browser the preflight.
        if (req.content_length or 0) > _MAX_BODY:
            raise BadRequest(f"the body is longer than {_MAX_BODY} bytes: it should hold one ticket")
        ticket = native.read_ticket(req.bounded_stream.read())
        try:
            job = tickets.may_cancel(self._signer, ticket)
        except TicketRefused as error:
            raise BadTicket(str(error), [ticket]) from error
        resp.data = native.write_cancelled(self._runtime.cancel(job))
