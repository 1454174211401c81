"""Uploads: to disk in pieces, from there into the tables in batches, and the same again when it is run again."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sample_app.db import Connection
from sample_app.imports import importing, spool, store
from sample_app.imports.example import example_csv

Said = list[tuple[int, int, str]]


class Pieces:
    """A stream that notes how much was asked of it at once."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.largest = 0

    def read(self, size: int, /) -> bytes:
        self.largest = max(self.largest, size)
        return self._file.read(size)


def upload(conn: Connection, folder: Path, data: bytes) -> int:
    spooled = spool.store(Pieces(data), folder)
    upload_id = store.add_upload(conn, "contacts.csv", spooled.path.name, spooled.size, spooled.lines)
    conn.commit()
    return upload_id


def count(conn: Connection, table: str) -> int:
    row = conn.execute(f"select count(*) as n from sample_app.{table}").fetchone()
    assert row is not None
    return int(row["n"])


@pytest.mark.parametrize(
    ("data", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"a\n" * 100_000, 100_000)]
)
def test_an_upload_is_copied_in_pieces_and_its_lines_are_counted(tmp_path: Path, data: bytes, lines: int) -> None:
    stream = Pieces(data)
    spooled = spool.store(stream, tmp_path / "not" / "there")
    assert (spooled.size, spooled.lines) == (len(data), lines)
    assert spooled.path.read_bytes() == data
    assert stream.largest <= 64 * 1024


def test_a_broken_upload_leaves_nothing_behind(tmp_path: Path) -> None:
    class Broken:
        pieces = 0

        def read(self, size: int, /) -> bytes:
            self.pieces += 1
            if self.pieces > 3:
                raise OSError(28, "No space left on device")
            return b"x" * size

    with pytest.raises(OSError, match="No space"):
        spool.store(Broken(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_good_rows_are_imported_and_bad_ones_listed_by_line(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"".join(example_csv(3300, 30)))
    said: Said = []
    result = importing.import_upload(conn, upload_id, tmp_path, lambda *words: said.append(words))
    assert (result["imported"], result["bad"], len(result["bad_rows"])) == (3270, 30, 20)
    assert result["bad_rows"][0] == {"line": 111, "reason": "the name is missing"}
    assert count(conn, "contacts") == 3270
    assert [row["line"] for row in store.bad_rows(conn, upload_id, 100)] == [
        110 * number + 1 for number in range(1, 31)
    ]
    assert said[0] == (250, 3300, "250 of 3,300 lines read, 2 bad")
    assert said[-1] == (3300, 3300, "all 3,300 lines read, 30 bad")
    assert len(said) == 14


def test_the_spool_file_is_gone_when_the_numbers_are_committed(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"".join(example_csv(10, 1)))
    importing.import_upload(conn, upload_id, tmp_path, lambda *words: None)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_cut_off_is_run_again_without_doubling_anything(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"".join(example_csv(3300, 30)))

    def die_halfway(done: int, total: int, message: str) -> None:
        if done >= 2250:
            raise RuntimeError("the worker dies")

    with pytest.raises(RuntimeError):
        importing.import_upload(conn, upload_id, tmp_path, die_halfway)
    conn.rollback()
    assert 0 < count(conn, "contacts") < 3270

    result = importing.import_upload(conn, upload_id, tmp_path, lambda *words: None)
    assert (result["imported"], result["bad"]) == (3270, 30)
    assert (count(conn, "contacts"), count(conn, "bad_rows")) == (3270, 30)


def test_a_run_whose_end_was_not_heard_gives_the_same_result_again(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"".join(example_csv(100, 3)))
    first = importing.import_upload(conn, upload_id, tmp_path, lambda *words: None)
    assert importing.import_upload(conn, upload_id, tmp_path, lambda *words: None) == first


def test_a_missing_spool_file_is_said_to_be_a_matter_of_settings(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"".join(example_csv(1, 0)))
    with pytest.raises(importing.SpoolFileMissing, match="need the same SPOOL_DIR"):
        importing.import_upload(conn, upload_id, tmp_path / "elsewhere", lambda *words: None)


def test_what_postgresql_cannot_store_is_shown_all_the_same(conn: Connection, tmp_path: Path) -> None:
    upload_id = upload(conn, tmp_path, b"name,email,amount,date\nA\0,a@example.com,1,2026-01-01\nB,\0,1,\xff\n")
    result = importing.import_upload(conn, upload_id, tmp_path, lambda *words: None)
    assert (result["imported"], result["bad"]) == (0, 2)
    assert store.bad_rows(conn, upload_id, 1)[0]["source"] == "A␀,a@example.com,1,2026-01-01"


def test_an_upload_that_was_deleted_meanwhile_is_nothing_to_do(conn: Connection, tmp_path: Path) -> None:
    assert importing.import_upload(conn, 12345, tmp_path, lambda *words: None)["imported"] == 0
