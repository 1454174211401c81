"""The form that takes a CSV file, the example file, and what came of an import."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

import falcon
from falcon.media.multipart import BodyPart

from queueapi import Handle
from sample_app.db import Connection
from sample_app.imports import spool, store
from sample_app.imports.csvfile import FileRefused, read_head
from sample_app.imports.example import MOST_ROWS, example_csv
from sample_app.imports.job import ImportContacts
from sample_app.web.forms import FieldRefused
from sample_app.web.runs import Operation
from sample_app.web.site import Site

PAGE: Final = 200  # bad rows on one page


class ImportsPage:
    """``/imports``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._show(resp)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            handle = self._take(req, resp)
        except FieldRefused as refused:
            self._show(resp, falcon.HTTP_400, str(refused))
        else:
            self._site.watch(resp, handle)

    def _show(self, resp: falcon.Response, status: str = falcon.HTTP_200, error: str = "") -> None:
        with self._site.connect() as conn:
            uploads = store.newest_uploads(conn, 5)
        self._site.render(resp, "imports.html", status, error=error, uploads=uploads)

    def _take(self, req: falcon.Request, resp: falcon.Response) -> Handle:
        part = _file_part(req)
        # Streamed from the socket (or waitress's own spool) to ours: memory stays the same for 10 KB and for 10 GB.
        try:
            spooled = spool.store(part.stream, self._site.settings.spool_dir)
        except OSError as error:
            raise falcon.HTTPServiceUnavailable(
                title="The file could not be stored",
                description=f"Nothing was imported. The reason: {error.strerror}.",
            ) from error
        try:
            _check(spooled)
            return self._enqueue(resp, _label(part.filename or ""), spooled)
        except BaseException:
            spooled.path.unlink(missing_ok=True)
            raise

    def _enqueue(self, resp: falcon.Response, filename: str, spooled: spool.Spooled) -> Handle:
        # The upload's row and its job are one transaction, by `conn`: there is no moment in which one exists without
        # the other, and no worker can come too early. It commits where the `with` ends; an error undoes both.
        with self._site.connect() as conn:
            upload_id = store.add_upload(conn, filename, spooled.path.name, spooled.size, spooled.lines)
            handle = self._site.start(resp, ImportContacts(upload_id), f"Import of {filename}", conn)
            store.tie_to_job(conn, upload_id, handle.id)
        return handle


class ExamplePage:
    """``/example.csv?rows=50000&bad=100``: a file to try it with, the same one every time."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        rows = req.get_param_as_int("rows", min_value=1, max_value=MOST_ROWS, default=50_000)
        bad = req.get_param_as_int("bad", min_value=0, max_value=rows, default=min(100, rows))
        resp.content_type = "text/csv; charset=utf-8"
        resp.downloadable_as = f"contacts-{rows}-rows-{bad}-bad.csv"
        resp.stream = example_csv(rows, bad)


def outcome(conn: Connection, job_id: int, page: int) -> dict[str, Any]:
    """For ``_outcome_import.html``: the upload, one page of its bad rows, and how many pages there are."""
    upload = store.find_upload_of_job(conn, job_id)
    if upload is None:
        return {"upload": None}
    rows = store.bad_rows(conn, upload["id"], PAGE, (page - 1) * PAGE)
    return {"upload": upload, "bad_rows": rows, "pages": -(-(upload["bad"] or 0) // PAGE)}


OPERATION = Operation("import_contacts", "Import of contacts", "/imports", "_outcome_import.html", outcome)


def _file_part(req: falcon.Request) -> BodyPart:
    """The form's file, not yet read."""
    if not (req.content_type or "").startswith(falcon.MEDIA_MULTIPART):
        raise falcon.HTTPUnsupportedMediaType()
    for part in req.get_media():
        if part.name == "file" and part.filename:
            assert isinstance(part, BodyPart)
            return part
    raise FieldRefused("file", "Choose a file first.")


def _check(spooled: spool.Spooled) -> None:
    """A file without one readable row is better refused now than by a job in a minute."""
    try:
        with spooled.path.open("rb") as file:
            read_head(file)
    except FileRefused as refused:
        raise FieldRefused("file", str(refused)) from refused


def _label(filename: str) -> str:
    """What people call the file; old browsers send a path of theirs with it."""
    name = PureWindowsPath(PurePosixPath(filename).name).name
    shown = "".join(c if c.isprintable() else "�" for c in name)
    return shown[:200] or "unnamed"
