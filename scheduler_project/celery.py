"""The Celery application. `celery -A scheduler_project.celery worker | beat | flower`."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from logging import LogRecord, getLogger
from typing import Any

from billiard.exceptions import TimeLimitExceeded
from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import beat_init, celeryd_after_setup, celeryd_init, setup_logging, task_postrun, task_prerun
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from scheduler_project.start_checks import start_problems
from values.database import release_connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
TRANSPORT_ALIASES.update(dict.fromkeys(["redis", "rediss"], "scheduler_project.redis_transport:Transport"))

app = Celery("mainspring")
# A worker tells its configuration to Flower, with passwords masked under Celery's own names only: so no more than that.
PREFIX = "CELERY_"
app.config_from_object(
    {name.removeprefix(PREFIX).lower(): getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}
)
# Celery would close the database's connections, and the pool with them, around every Celery task: several
# milliseconds each time. `hold_no_connection` does what is needed of that.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Connected so that Celery leaves the logging of `settings.py` as it is."""


@celeryd_after_setup.connect
def ignore_coming_defaults(**_: object) -> None:
    """Connected so that no lost broker brings seven lines about a default of some later Celery."""
    warnings.simplefilter("ignore", CPendingDeprecationWarning)


@celeryd_init.connect
@beat_init.connect
def refuse_faulty_start(**_: object) -> None:
    """End a worker or a beat that has a faulty kind of target, with a sentence for each fault."""
    if problems := start_problems():
        raise SystemExit(problems)


@celeryd_after_setup.connect
def prepare_targets(instance: Any, **_: object) -> None:
    """Let each kind import what its runs need, before the worker forks: the processes of its pool share the memory."""
    from executions.targets import TARGETS  # noqa: PLC0415 - reads the settings, which are named below the imports

    for target in TARGETS.values():
        if target.queue in instance.app.amqp.queues.consume_from:
            target.prepare_worker()
    keep_what_is_loaded()


@beat_init.connect
def keep_what_is_loaded(**_: object) -> None:
    """Connected so that Python's garbage collection leaves alone what stays anyway: to walk it takes 0.1 s each time."""
    gc.collect()
    gc.freeze()


def is_news(record: LogRecord) -> bool:
    """Whether a record of Celery's requests is more than the traceback of a kill, of which a line of its own tells."""
    return not (record.exc_info and any(isinstance(part, TimeLimitExceeded) for part in record.args or ()))


getLogger("celery.worker.request").addFilter(is_news)


@task_prerun.connect
@task_postrun.connect
def hold_no_connection(**_: object) -> None:
    """Connected so that a thread that waits has no connection of the pool, and none that the server has closed."""
    release_connection()
