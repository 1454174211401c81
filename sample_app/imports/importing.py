"""One upload from its spool file into the tables: in batches, and harmless when it is run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

from sample_app.db import Connection, Row
from sample_app.imports import store
from sample_app.imports.csvfile import read_rows
from sample_app.imports.rows import BadRow, Contact

Progress = Callable[[int, int, str], None]

# A commit costs a disk flush, so not every row; a retry starts over, so not the whole file either.
BATCH: Final = 1000
_SAY_EVERY: Final = 250  # rows; the queue keeps only a few of these a second, and makes the others cheap
_SHOWN: Final = 20  # bad rows in the job's result; the table has them all


class SpoolFileMissing(FileNotFoundError):
    """This machine does not have the uploaded file."""


def import_upload(conn: Connection, upload_id: int, spool_dir: Path, progress: Progress) -> dict[str, Any]:
    """Import one upload and return what came of it: ``imported``, ``bad``, and the first ``bad_rows``.

    Commits on ``conn`` after every batch.

    Raises:
        SpoolFileMissing: web and worker processes have different SPOOL_DIRs.
        FileRefused: the file is no CSV file of ours.
    """
    upload = store.find_upload(conn, upload_id)
    if upload is None:
        return {"imported": 0, "bad": 0, "bad_rows": []}  # somebody deleted it meanwhile: nothing to do
    path = spool_dir / upload["spool_name"]
    if upload["finished_at"] is None:
        with _open(path) as file:
            _import_file(conn, upload, file, progress)
    # Only now, when the numbers are committed: a worker that dies right here has its job run again, and that run
    # finds the upload finished and does not need the file any more.
    path.unlink(missing_ok=True)
    return outcome(conn, upload_id)


def outcome(conn: Connection, upload_id: int) -> dict[str, Any]:
    """The finished upload's numbers and first bad rows, as the job's result has them."""
    upload = store.find_upload(conn, upload_id)
    assert upload is not None
    rows = store.bad_rows(conn, upload_id, _SHOWN)
    shown = [{"line": row["line"], "reason": row["reason"]} for row in rows]
    return {"imported": upload["imported"], "bad": upload["bad"], "bad_rows": shown}


def _import_file(conn: Connection, upload: Row, file: BinaryIO, progress: Progress) -> None:
    total = max(upload["lines"] - 1, 0)  # the first line names the columns
    good: list[Contact] = []
    bad: list[BadRow] = []
    imported = refused = 0
    for number, row in enumerate(read_rows(file), start=1):
        if isinstance(row, Contact):
            good.append(row)
            imported += 1
        else:
            bad.append(row)
            refused += 1
        if number % BATCH == 0:
            _save(conn, upload["id"], good, bad)
        if number % _SAY_EVERY == 0:
            progress(row.line - 1, total, f"{row.line - 1:,} of {total:,} lines read, {refused:,} bad")
    store.save_rows(conn, upload["id"], good, bad)
    # The last rows and the numbers in one transaction: "finished" is true if and only if everything is there.
    store.finish_upload(conn, upload["id"], imported, refused)
    conn.commit()
    progress(total, total, f"all {total:,} lines read, {refused:,} bad")


def _save(conn: Connection, upload_id: int, good: list[Contact], bad: list[BadRow]) -> None:
    store.save_rows(conn, upload_id, good, bad)
    conn.commit()
    good.clear()
    bad.clear()


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise SpoolFileMissing(
            f"the uploaded file {path} is not there: web app and workers need the same SPOOL_DIR"
        ) from None
