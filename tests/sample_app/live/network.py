"""A network that can be cut: connections through it end at once, and new ones come to nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Network:
    """Hands what comes to ``host`` on to the same ports of 127.0.0.1, while it is whole."""

    def __init__(self, host: str, *ports: int) -> None:
        self._whole = threading.Event()
        self._whole.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._doors = [socket.create_server((host, port)) for port in ports]
        for door in self._doors:
            threading.Thread(target=self._accept, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """Every connection is reset, and until :meth:`mend` so is each that is tried."""
        with self._lock:
            self._whole.clear()
            for end in self._open:
                _reset(end)

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        for door in self._doors:
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)  # wakes its thread
            door.close()
        self.cut()

    def _accept(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                if self._whole.is_set():
                    self._connect(near, door.getsockname()[1])
                else:
                    _reset(near)
                    near.close()

    def _connect(self, near: socket.socket, port: int) -> None:
        far = socket.create_connection(("127.0.0.1", port))
        with self._lock:
            self._open |= {near, far}
        ends = threading.Barrier(2, lambda: self._forget(near, far))
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(one, other, ends), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, ends: threading.Barrier) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)
        ends.wait()

    def _forget(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open -= set(ends)
        for end in ends:
            end.close()


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        end.shutdown(socket.SHUT_RDWR)
