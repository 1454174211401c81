"""What a worker of a Django project imports::

    DJANGO_SETTINGS_MODULE=shop.settings queueapi-work queueapi.compat.django_worker

It sets Django up, imports ``tasks.py`` and ``jobs.py`` of every installed application, and treats connections,
languages and time zones around each job as a request does.
"""

from __future__ import annotations

import django
from django.utils.module_loading import autodiscover_modules

from queueapi.middleware.chain import around_perform
from queueapi.middleware.django import like_a_request

django.setup()
autodiscover_modules("tasks", "jobs")
around_perform(like_a_request)
