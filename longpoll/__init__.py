"""Results and messages live in any browser: job tickets and message channels, off PostgreSQL.

Publish: :data:`channels`, :func:`publish`.  Serve: ``longpoll-serve``, or :func:`longpoll.app.create_app` on a WSGI
server of yours.

Importing this connects to nothing and loads neither gevent nor psycopg.
"""

from longpoll.errors import BadChannel, BadRequest, BadTicket, Refused, Unavailable, UnknownJob
from longpoll.log import Channel, Channels
from longpoll.past import Past, Published
from queueapi.runtime import default

channels = Channels(default)
publish = channels.publish

__all__ = [
    "BadChannel",
    "BadRequest",
    "BadTicket",
    "Channel",
    "Channels",
    "Past",
    "Published",
    "Refused",
    "Unavailable",
    "UnknownJob",
    "channels",
    "publish",
]
