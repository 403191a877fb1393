"""The Celery application. `celery -A scheduler_project.celery worker | beat | flower`."""

from __future__ import annotations

import os
import sys

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")

app = Celery("mainspring")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery would close the database's connections, and the pool with them, around every Celery task: several
# milliseconds each time. Who carries out runs gives its connection back itself.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Connected so that Celery leaves the logging of `settings.py` as it is."""
