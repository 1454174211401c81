"""A gevent pywsgi server whose held polls cost no greenlet."""

from longpoll.server.limits import raise_open_files
from longpoll.server.wsgi import Server

__all__ = ["Server", "raise_open_files"]
