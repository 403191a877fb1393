"""The Celery application. `celery -A scheduler_project.celery worker | beat | flower`."""

from __future__ import annotations

import os
import sys

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")

app = Celery("mainspring")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Celery would close the database's connections, and the pool with them, around every Celery task: several
# milliseconds each time. `give_back` does what is needed of that.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Connected so that Celery leaves the logging of `settings.py` as it is."""


@task_prerun.connect
@task_postrun.connect
def give_back(**_: object) -> None:
    """Return pooled connections, so that threads that wait hold none, and drop one that the server has closed."""
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["OPTIONS"].get("pool"):
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()
