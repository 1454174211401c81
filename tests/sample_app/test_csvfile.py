"""Reading CSV: what is a row, what is a contact, and what is said about everything else."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_app.imports.csvfile import LONGEST_ROW, FileRefused, read_head, read_rows
from sample_app.imports.example import example_csv
from sample_app.imports.rows import COLUMNS, BadRow, Contact

HEAD = b"name,email,amount,date\n"
ADA = Contact(2, "Ada Lovelace", "ada@example.com", Decimal("12.50"), date(2026, 2, 28))
ADA_LINE = b"Ada Lovelace,ada@example.com,12.50,2026-02-28\n"


def rows(data: bytes) -> list[Contact | BadRow]:
    return list(read_rows(io.BytesIO(data)))


def reason(line: str | bytes) -> str:
    """Why the one row of a file was refused."""
    (row,) = rows(HEAD + (line.encode() if isinstance(line, str) else line) + b"\n")
    assert isinstance(row, BadRow), row
    return row.reason


def test_a_good_row_is_a_contact() -> None:
    assert rows(HEAD + ADA_LINE) == [ADA]


def test_the_last_line_needs_no_line_end() -> None:
    assert rows(HEAD + ADA_LINE.rstrip()) == [ADA]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data() -> None:
    assert rows(b"\xef\xbb\xbf" + (HEAD + ADA_LINE).replace(b"\n", b"\r\n")) == [ADA]


def test_columns_are_found_by_name_in_any_order_and_case_beside_others() -> None:
    assert rows(b"Date,note,EMAIL,Amount, name \n2026-02-28,x,ada@example.com,12.50,Ada Lovelace\n") == [ADA]


@pytest.mark.parametrize("delimiter", [b";", b"\t"])
def test_spreadsheets_that_separate_by_semicolon_or_tab_are_read(delimiter: bytes) -> None:
    assert rows((HEAD + ADA_LINE).replace(b",", delimiter)) == [ADA]


def test_quotes_may_hold_commas_quotes_and_line_breaks_and_lines_are_counted_as_an_editor_does() -> None:
    got = rows(HEAD + b'"Lovelace,\r\n Ada ""A.""",ada@example.com,1,2026-02-28\nno\n')
    assert got[0] == Contact(2, 'Lovelace, Ada "A."', "ada@example.com", Decimal(1), date(2026, 2, 28))
    assert got[1].line == 4


def test_blank_lines_are_passed_over_and_counted() -> None:
    assert [row.line for row in rows(HEAD + b"\n\r\n" + ADA_LINE)] == [4]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (",a@example.com,1,2026-01-01", "the name is missing"),
        ("x" * 201 + ",a@example.com,1,2026-01-01", "the name has 201 letters, and 200 is the most"),
        ("A,,1,2026-01-01", "the e-mail address is missing"),
        ("A,a at example.com,1,2026-01-01", "“a at example.com” is not an e-mail address"),
        ("A,a@localhost,1,2026-01-01", "“a@localhost” is not an e-mail address"),
        ('A,a@example.com,"1,5",2026-01-01', "the amount “1,5” is not a number like 1234.50"),
        ("A,a@example.com,nan,2026-01-01", "the amount “nan” is not a number like 1234.50"),
        ("A,a@example.com,12345678901,2026-01-01", "the amount “12345678901” is not a number like 1234.50"),
        ("A,a@example.com,1,2026-02-30", "the date “2026-02-30” is not a day like 2026-02-28"),
        ("A,a@example.com,1,20260228", "the date “20260228” is not a day like 2026-02-28"),
        ("A,a@example.com,1", "has 3 columns where the first line names 4"),
        ("A,a@example.com,1,2026-01-01,x", "has 5 columns where the first line names 4"),
        ("A", "has 1 column where the first line names 4"),
    ],
)
def test_a_bad_row_is_told_what_is_wrong_with_it(line: str, sentence: str) -> None:
    assert reason(line) == sentence


def test_a_bad_row_is_told_everything_that_is_wrong_at_once() -> None:
    assert reason(",x,y,z").count(";") == 3


def test_a_long_value_is_quoted_in_part() -> None:
    assert reason(f"A,{'x' * 500},1,2026-01-01") == f"“{'x' * 60}…” is not an e-mail address"


def test_a_zero_byte_which_postgresql_cannot_store_makes_a_row_bad() -> None:
    assert "zero byte" in reason(b"A\0,a@example.com,1,2026-01-01")


def test_a_row_in_another_encoding_is_refused_by_its_byte_and_its_neighbours_are_not() -> None:
    got = rows(HEAD + "Zoë,zoe@example.com,1,2026-01-01\n".encode("cp1252") + ADA_LINE)
    assert got[0] == BadRow(
        2, 'the byte 0xEB is not UTF-8: save the file as "CSV UTF-8"', "Zoë,zoe@example.com,1,2026-01-01"
    )
    assert got[1] == ADA._replace(line=3)


def test_text_after_a_closing_quote_is_reported_and_reading_goes_on() -> None:
    got = rows(HEAD + b'"Ada" Lovelace,ada@example.com,1,2026-01-01\n' + ADA_LINE)
    assert [type(row) for row in got] == [BadRow, Contact]
    assert "after a closing quote" in got[0][1]


def test_a_quote_that_is_never_closed_says_what_it_swallows() -> None:
    assert rows(HEAD + b'"Ada,x\n' + ADA_LINE) == [
        BadRow(
            2,
            "opens a quote that is never closed, and swallows everything up to line 3",
            '"Ada,x\n' + ADA_LINE.decode().rstrip(),
        )
    ]


def test_a_row_without_end_is_refused_before_it_fills_the_memory() -> None:
    class Endless(io.RawIOBase):
        read_so_far = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            text = HEAD if not self.read_so_far else b"x" * 4096
            buffer[: len(text)] = text
            self.read_so_far += len(text)
            return len(text)

    endless = Endless()
    (row,) = read_rows(io.BufferedReader(endless))
    assert isinstance(row, BadRow)
    assert "longer than 1,000,000 bytes" in row.reason
    assert endless.read_so_far < 2 * LONGEST_ROW


def test_quoted_line_breaks_without_end_are_refused_as_well() -> None:
    (row,) = rows(HEAD + b'"x\n",' * 300_000)
    assert isinstance(row, BadRow)
    assert "longer than 1,000,000 bytes" in row.reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"\n" + HEAD, "must name the columns"),
        (ADA_LINE, "name, email, amount and date are missing"),
        (b"name,email,date\n", "amount is missing"),
        (b"name,email\n", "amount and date are missing"),
        (HEAD.decode().encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        ("name,email,amount,date,größe\n".encode("latin-1"), "not encoded as UTF-8"),
        (b"\0\1\2", "not a text file"),
        (b'"name,email,amount,date\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused_with_the_remedy(data: bytes, words: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_head(io.BytesIO(data))
    assert words in str(refused.value)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_make_it_fail_otherwise_than_by_reporting(data: bytes) -> None:
    for row in rows(HEAD + data):
        assert isinstance(row, Contact | BadRow)
        assert 2 <= row.line <= 2 + data.count(b"\n")


@given(st.lists(st.lists(st.text(max_size=8), min_size=4, max_size=4), max_size=20))
def test_whatever_csv_writes_is_read_as_so_many_rows(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *table])
    data = text.getvalue().encode(errors="replace")
    assert len(rows(data)) == len(table)


@pytest.mark.parametrize(("total", "bad"), [(1, 0), (1, 1), (10, 10), (1000, 7), (2500, 100)])
def test_the_example_file_has_exactly_so_many_bad_rows(total: int, bad: int) -> None:
    got = rows(b"".join(example_csv(total, bad)))
    assert len(got) == total
    assert sum(isinstance(row, BadRow) for row in got) == bad


def test_the_example_file_is_the_same_every_time_and_comes_in_pieces() -> None:
    assert list(example_csv(1200, 3)) == list(example_csv(1200, 3))
    assert max(map(len, example_csv(5000, 0))) < 100_000
