"""Results and messages live in any browser: job tickets and message channels, by long-polling off PostgreSQL.

Publish: :data:`channels`.  Serve: ``longpoll-serve``, or :func:`longpoll.app.create_app` on a WSGI server of yours.

Importing this connects to nothing and loads neither gevent nor psycopg.
"""

from longpoll.errors import BadChannel, BadRequest, BadTicket, Refused, Unavailable, UnknownJob
from longpoll.log import Channel, Channels
from queueapi.runtime import default

channels = Channels(default)

__all__ = [
    "BadChannel",
    "BadRequest",
    "BadTicket",
    "Channel",
    "Channels",
    "Refused",
    "Unavailable",
    "UnknownJob",
    "channels",
]
