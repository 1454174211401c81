"""What a worker imports: ``queueapi-work sample_app.jobs -q default -q mail -q uploads``."""

from sample_app.imports.job import ImportContacts
from sample_app.notifications.job import SendNotifications
from sample_app.rates.job import FetchRates
from sample_app.reports.job import BuildReport

__all__ = ["BuildReport", "FetchRates", "ImportContacts", "SendNotifications"]
