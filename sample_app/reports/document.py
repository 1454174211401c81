"""The report as files: the chart alone, and one HTML page that needs nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sample_app.reports.chart import LEFT, PANEL, WIDTH, lay_out
from sample_app.reports.figures import RESAMPLES, Figures

# Always escaped: domains come out of files that strangers uploaded.
_templates = Environment(
    loader=PackageLoader("sample_app", "reports/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def draw(months: Sequence[Figures]) -> str:
    """The chart, an SVG document."""
    template = _templates.get_template("chart.svg")
    return template.render(chart=lay_out(months), left=LEFT, width=WIDTH, panel_height=PANEL)


def write(
    rows: int, months: Sequence[Figures], domains: Sequence[Figures], more_domains: bool, chart: str, made_at: datetime
) -> str:
    """The HTML page. ``more_domains``: there are others that have no line in it."""
    return _templates.get_template("report.html").render(
        rows=rows,
        months=months,
        domains=domains,
        more_domains=more_domains,
        chart=Markup(chart),  # noqa: S704 - our own template's output, escaped there
        made_at=made_at,
        resamples=RESAMPLES,
    )
