"""The report: its figures, its picture, its file."""

from __future__ import annotations

import statistics
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_app.db import Connection
from sample_app.imports import store as imports
from sample_app.imports.rows import Contact
from sample_app.reports import building, document, store
from sample_app.reports.chart import PANEL, WIDTH, lay_out
from sample_app.reports.figures import Figures, Groups, describe, percentile

amounts = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60)


@given(amounts)
def test_the_fiftieth_percentile_is_the_median(values: list[int]) -> None:
    assert percentile(sorted(values), 50) == pytest.approx(statistics.median(values), abs=0.5, rel=1e-9)


@given(amounts, st.floats(0, 100))
def test_a_percentile_lies_between_the_least_and_the_largest(values: list[int], percent: float) -> None:
    assert min(values) <= percentile(sorted(values), percent) <= max(values)


def test_a_percentile_between_two_values_is_in_proportion() -> None:
    assert percentile([0, 100], 95) == 95
    assert percentile([7], 95) == 7


def test_a_group_is_described_the_same_way_every_time_and_its_median_lies_in_its_interval() -> None:
    values = [number * 37 % 1000 for number in range(500)]
    figures = describe("2026-01", values)
    assert figures == describe("2026-01", values)
    assert (figures.count, figures.total) == (500, sum(values))
    assert figures.median_low <= figures.median <= figures.median_high
    assert figures.median_high - figures.median_low < 150


def test_describing_lets_others_run_between_the_resamples() -> None:
    breaths: list[None] = []
    describe("x", [1, 2, 3], lambda: breaths.append(None))
    assert len(breaths) == 200


def test_rows_are_gathered_in_cents_by_month_and_by_domain() -> None:
    groups = Groups()
    groups.add(date(2026, 1, 31), "a@Example.com", Decimal("0.10"))
    groups.add(date(2026, 2, 1), "b@example.com", Decimal("-12.34"))
    groups.add(date(2026, 2, 2), "c@example.org", Decimal("99999999.99"))
    assert groups.rows == 3
    assert {month: list(cents) for month, cents in groups.months.items()} == {
        "2026-01": [10],
        "2026-02": [-1234, 9999999999],
    }
    assert groups.largest_domains(1) == ["example.com"]


months = st.lists(
    st.builds(
        Figures,
        name=st.just("2026-01"),
        count=st.integers(1, 10**6),
        total=st.integers(-(10**9), 10**12),
        median=st.integers(-(10**6), 10**9),
        p95=st.integers(0, 10**9),
        median_low=st.integers(-(10**6), 10**9),
        median_high=st.integers(-(10**6), 10**9),
    ),
    min_size=1,
    max_size=80,
)


@given(months)
def test_every_mark_of_the_chart_lies_inside_it(figures: list[Figures]) -> None:
    chart = lay_out(figures)
    for mark in chart.marks:
        assert 0 <= mark.x <= mark.x + mark.width <= WIDTH
        assert 0 <= mark.top <= PANEL
        assert mark.top + mark.height == pytest.approx(PANEL, abs=0.11)
    assert sum(bool(mark.label) for mark in chart.marks) <= 8


def figures(name: str) -> Figures:
    return Figures(name, 3, 600, 200, 290, 100, 300)


def test_the_chart_is_well_formed_and_has_a_column_for_each_month() -> None:
    root = ET.fromstring(document.draw([figures("2026-01"), figures("2026-02")]))
    columns = root.findall(".//{http://www.w3.org/2000/svg}rect")
    assert len(columns) == 2
    assert columns[0][0].text == "2026-01: 3 rows, total 6.00, median 2.00"


def test_the_page_needs_nothing_else_and_escapes_what_came_from_outside() -> None:
    evil = figures("<script>alert(1)</script>")
    page = document.write(3, [figures("2026-01")], [evil], False, "<svg></svg>", datetime(2026, 3, 4, 5, 6, tzinfo=UTC))
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<svg></svg>" in page
    assert "src=" not in page
    assert "4 March 2026 at 05:06" in page


def add_contacts(conn: Connection, contacts: list[Contact]) -> None:
    upload_id = imports.add_upload(conn, "x.csv", "x", 1, len(contacts) + 1)
    imports.save_rows(conn, upload_id, contacts, [])
    conn.commit()


def test_a_report_is_computed_over_every_row_of_every_upload_and_stored(conn: Connection) -> None:
    for _ in range(2):
        add_contacts(
            conn,
            [
                Contact(line, "A", f"a@d{line % 20}.example", Decimal(line), date(2026, 1 + line % 3, 1))
                for line in range(2, 602)
            ],
        )
    report_id = store.add_report(conn)
    conn.commit()
    said: list[tuple[int, int, str]] = []
    result = building.build_report(conn, report_id, lambda *words: said.append(words))

    row = conn.execute("select chart, document from sample_app.reports where id = %s", [report_id]).fetchone()
    assert row is not None
    assert result == {"rows": 1200, "bytes": len(row["document"])}
    assert len(ET.fromstring(row["chart"]).findall(".//{http://www.w3.org/2000/svg}rect")) == 3
    text = row["document"].decode()
    assert "Report over 1,200 contacts" in text
    assert "the largest 12" in text
    assert [done for done, _, _ in said] == sorted(done for done, _, _ in said)
    assert said[-1][0] == said[-1][1]
    assert any("reading: 1,000 of 1,200 rows" in message for _, _, message in said)


def test_a_report_over_nothing_says_so(conn: Connection) -> None:
    report_id = store.add_report(conn)
    assert building.build_report(conn, report_id, lambda *words: None) == {"rows": 0, "bytes": 0}
