"""HTML from templates, with everything escaped that a template does not itself write."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def make_templates() -> Environment:
    """The app's templates. Variables are escaped, and a misspelt one is an error, not a hole in the page."""
    templates = Environment(
        loader=PackageLoader("sample_app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": number, "clock": clock, "day_and_clock": day_and_clock, "size": size}
    return templates


def number(value: Any) -> str:
    """``12,300``."""
    return f"{value:,}"


def clock(when: datetime) -> str:
    """``20:16:04``; the times of a day that is today."""
    return f"{when:%H:%M:%S}"


def day_and_clock(when: datetime) -> str:
    """``3 Nov, 20:16``."""
    return f"{when.day} {when:%b, %H:%M}"


def size(count: int) -> str:
    """Bytes as people say it: ``3.1 MB``."""
    if count < 1000:
        return f"{count} bytes"
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count / 1e3:.1f} KB"
