"""The web app: its parts put together. ``create_app`` takes collaborators; ``get_app`` reads the environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import falcon

import longpoll
import queueapi
from longpoll import Channels
from queueapi import Handle, Queue
from sample_app import db
from sample_app.bell.pages import BellPage, NoticePage
from sample_app.comments.pages import CommentsPage, FollowPage, Hints
from sample_app.imports.pages import OPERATION as IMPORT
from sample_app.imports.pages import ExamplePage, ImportsPage
from sample_app.notifications.pages import OPERATION as MAILING
from sample_app.notifications.pages import MailPage, NotificationsPage
from sample_app.pads.pages import PadPage, PadsPage, PadUpdates
from sample_app.rates.pages import OPERATION as RATES
from sample_app.rates.pages import RatesPage
from sample_app.reports.pages import OPERATION as REPORT
from sample_app.reports.pages import ReportFiles, ReportsPage
from sample_app.settings import Settings
from sample_app.visitors.pages import Cookies, YouPage
from sample_app.web.errors import Errors
from sample_app.web.head import HeadAsGet
from sample_app.web.index import Health, IndexPage
from sample_app.web.rendering import make_templates
from sample_app.web.runs import Runs
from sample_app.web.security import Headers, OwnForms
from sample_app.web.site import Site

_OPERATIONS = {operation.kind: operation for operation in (IMPORT, MAILING, RATES, REPORT)}
_ID = "int(min=1, max=9223372036854775807)"
_STATIC = Path(__file__).parent / "static"

App = falcon.App[Any, Any]


def create_app(
    settings: Settings,
    queue: Queue = queueapi.queue,
    verify_ticket: Callable[[str], Handle] = queueapi.verify_ticket,
    channels: Channels = longpoll.channels,
) -> App:
    """The WSGI app. Connects to nothing before the first request."""
    site = Site(settings, queue, channels, verify_ticket, make_templates())
    app: App = falcon.App(middleware=[Headers(settings.longpoll_url), Cookies(), OwnForms(), HeadAsGet()])
    Errors(site).install(app)
    _add_pages(app, site)
    _add_runs(app, site)
    _add_what_is_pushed(app, site)
    app.add_static_route("/static", _STATIC)
    return app


def get_app() -> App:
    """The app for any WSGI server, as in ``gunicorn 'sample_app.app:get_app()'``.

    What cannot work is better known here than when the first form has been sent.

    Raises:
        SettingRefused, queueapi.SettingsError: an environment variable cannot be used, or QUEUEAPI_SECRET is missing.
        queueapi.SchemaMismatch: the job tables are older or newer than the installed queueapi.
        psycopg.OperationalError: PostgreSQL cannot be reached.
    """
    settings = Settings.from_env()
    queueapi.handle(0).ticket()
    queueapi.check()
    db.apply_schema(settings.dsn)
    return create_app(settings)


def _add_pages(app: App, site: Site) -> None:
    app.add_route("/", IndexPage(site))
    app.add_route("/healthz", Health(site))
    app.add_route("/notifications", NotificationsPage(site))
    app.add_route(f"/mailbox/{{mail_id:{_ID}}}", MailPage(site))
    app.add_route("/imports", ImportsPage(site))
    app.add_route("/example.csv", ExamplePage())
    app.add_route("/reports", ReportsPage(site))
    app.add_route("/rates", RatesPage(site))
    app.add_route("/you", YouPage(site))


def _add_runs(app: App, site: Site) -> None:
    runs = Runs(site, _OPERATIONS)
    files = ReportFiles(site)
    app.add_route("/runs/{ticket}", runs)
    app.add_route("/runs/{ticket}/outcome", runs, suffix="outcome")
    app.add_route("/runs/{ticket}/report.html", files, suffix="document")
    app.add_route("/runs/{ticket}/chart.svg", files, suffix="chart")
    app.add_route("/jobs/{ticket}.json", runs, suffix="json")


def _add_what_is_pushed(app: App, site: Site) -> None:
    bell = BellPage(site)
    app.add_route("/bell", bell)
    app.add_route("/bell/ring", bell, suffix="ring")
    app.add_route("/bell/list", bell, suffix="list")
    app.add_route("/bell.json", bell, suffix="json")
    app.add_route(f"/bell/{{notice:{_ID}}}", NoticePage(site))
    pad = f"/pads/{{pad_id:{_ID}}}"
    comments = CommentsPage(site)
    app.add_route("/pads", PadsPage(site))
    app.add_route(pad, PadPage(site))
    app.add_route(f"{pad}/updates.json", PadUpdates(site))
    app.add_route(f"{pad}/comments", comments)
    app.add_route(f"{pad}/comments.json", comments, suffix="json")
    app.add_route(f"{pad}/writing.json", Hints(site))
    app.add_route(f"{pad}/follow", FollowPage(site))
