"""One report, step by step: read every row, compute every group, draw, write, keep."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sample_app.db import Connection
from sample_app.reports import document, store
from sample_app.reports.figures import Figures, Groups, describe

_DOMAINS: Final = 12  # in the table; the long tail says little and would take long

Progress = Callable[[int, int, str], None]


def build_report(conn: Connection, report_id: int, progress: Progress) -> dict[str, Any]:
    """Make the report and store it. Returns how many ``rows`` it is about and its ``bytes``. Commits on ``conn``."""
    total = store.count_contacts(conn)
    if total == 0:
        return {"rows": 0, "bytes": 0}
    groups = _read(conn, total, progress)
    domains = groups.largest_domains(_DOMAINS)
    # No transaction stays open over the long computing: it would keep VACUUM from tidying the whole database.
    conn.commit()

    months_figures, domains_figures = _compute(groups, domains, progress)
    chart = document.draw(months_figures)
    page = document.write(
        groups.rows, months_figures, domains_figures, len(groups.domains) > len(domains), chart, datetime.now(UTC)
    )
    store.save_report(conn, report_id, chart.encode(), page.encode())
    conn.commit()
    return {"rows": groups.rows, "bytes": len(page.encode())}


def _read(conn: Connection, total: int, progress: Progress) -> Groups:
    groups = Groups()
    for day, email, amount in store.each_contact(conn):
        groups.add(day, email, amount)
        if groups.rows % 500 == 0:
            progress(groups.rows, total * 3, f"step 1 of 3, reading: {groups.rows:,} of {total:,} rows")
    return groups


def _compute(groups: Groups, domains: list[str], progress: Progress) -> tuple[list[Figures], list[Figures]]:
    done, all_of_it = groups.rows, groups.rows * 3
    steps = (
        ("step 2 of 3, months", {month: groups.months[month] for month in sorted(groups.months)}),
        ("step 3 of 3, domains", {domain: groups.domains[domain] for domain in domains}),
    )
    figures = []
    for step, parts in steps:
        lines = []
        for name, amounts in parts.items():
            progress(done, all_of_it, f"{step}: computing {name}, {len(amounts):,} rows")
            lines.append(describe(name, amounts, breathe=_let_others_run))
            done += len(amounts)
        figures.append(lines)
    progress(all_of_it, all_of_it, "writing the file")
    return figures[0], figures[1]


def _let_others_run() -> None:
    """Computing never waits for anything, so in a gevent worker no other job of this process would run meanwhile."""
    time.sleep(0)
