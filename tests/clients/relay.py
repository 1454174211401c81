"""A network between clients and nodes that can be cut, closed and led elsewhere."""

from __future__ import annotations

import socket
import threading


class Relay:
    """1. leads every connection to one node; 2. cuts all there are; 3. refuses new ones, and accepts them again."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open = True
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    # -- 1.

    def lead_to(self, port: int) -> None:
        """From now on to this node."""
        self._target = port

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        try:
            if not self._open:
                raise ConnectionRefusedError
            node = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        pair = (client, node)
        with self._lock:
            self._pairs.add(pair)
        back = threading.Thread(target=self._pump, args=(node, client), daemon=True)
        back.start()
        self._pump(client, node)
        back.join()
        with self._lock:
            self._pairs.discard(pair)
        client.close()
        node.close()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # -- 2.

    def cut(self) -> None:
        """End every connection, whatever is under way on it."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    # -- 3.

    def refuse(self) -> None:
        """Nobody gets through."""
        self._open = False
        self.cut()

    def accept(self) -> None:
        """Undo :meth:`refuse`."""
        self._open = True

    def close(self) -> None:
        """For good."""
        self.refuse()
        self._listening.close()
