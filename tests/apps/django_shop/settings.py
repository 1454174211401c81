"""Its settings. The database is DATABASE_URL's."""

from __future__ import annotations

import os

from psycopg import conninfo

_parts = conninfo.conninfo_to_dict(os.environ.get("DATABASE_URL", ""))

SECRET_KEY = "of a test"
DEBUG = True
ROOT_URLCONF = "django_shop.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
INSTALLED_APPS = ["django_shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parts.get("dbname", "postgres"),
        "USER": _parts.get("user", ""),
        "PASSWORD": _parts.get("password", ""),
        "HOST": _parts.get("host", ""),
        "PORT": str(_parts.get("port", "")),
    }
}
TASKS = {
    "default": {
        "BACKEND": "queueapi.compat.django_tasks.QueueAPIBackend",
        "QUEUES": ["default", "mail"],
    },
    "stubborn": {
        "BACKEND": "queueapi.compat.django_tasks.QueueAPIBackend",
        "OPTIONS": {"max_attempts": 3, "database": None},
    },
}
