"""What a worker imports: ``queueapi-work sample_app.jobs -q default -q mail -q uploads``."""

from sample_app.bell.job import TellStarter
from sample_app.comments.job import TellFollowers
from sample_app.imports.job import ImportContacts
from sample_app.notifications.job import SendNotifications
from sample_app.pads.job import CompactPad
from sample_app.rates.job import FetchRates
from sample_app.reports.job import BuildReport

__all__ = [
    "BuildReport",
    "CompactPad",
    "FetchRates",
    "ImportContacts",
    "SendNotifications",
    "TellFollowers",
    "TellStarter",
]
