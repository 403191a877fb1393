"""The Celery application, for `celery -A scheduler_project.celery` with `worker`, `beat` or `flower`."""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from logging import LogRecord, getLogger
from typing import TYPE_CHECKING, Any

from billiard import current_process
from billiard.common import TERMSIGS_DEFAULT, TERMSIGS_FULL
from billiard.exceptions import TimeLimitExceeded
from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.signals import (
    beat_init,
    celeryd_after_setup,
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_process_init,
)
from django.conf import settings
from kombu.transport import TRANSPORT_ALIASES

from scheduler_project.start_checks import start_problems
from values.database import release_connection

if TYPE_CHECKING:
    from types import FrameType

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings")
# Without this, Celery runs all of Django's system checks in each worker and ignores the results. One check even imports
# all command modules. `refuse_faulty_start` runs the checks that a worker needs.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
TRANSPORT_ALIASES.update(dict.fromkeys(["redis", "rediss"], "scheduler_project.redis_transport:Transport"))

app = Celery("mainspring")
# A worker sends this configuration to Flower, and Celery masks passwords only in settings whose names it recognises. So
# the configuration contains the CELERY_ settings and none of Django's.
PREFIX = "CELERY_"
app.config_from_object(
    {name.removeprefix(PREFIX).lower(): getattr(settings, name) for name in dir(settings) if name.startswith(PREFIX)}
)
# Without this, Celery closes the database connections and their pool before and after every task, which takes several
# milliseconds each time. `release_connection_of_thread` releases only the thread's connection.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_: object) -> None:
    """Do nothing. Celery keeps the log configuration of `settings.py` because this signal has a receiver."""


@celeryd_after_setup.connect
def ignore_deprecation_warnings(**_: object) -> None:
    """Hide Celery's warnings about future defaults: otherwise each lost broker connection logs seven lines."""
    warnings.simplefilter("ignore", CPendingDeprecationWarning)


@celeryd_init.connect
@beat_init.connect
def refuse_faulty_start(**_: object) -> None:
    """Exit if the worker or the beat has a faulty target kind; print one line for each fault."""
    if problems := start_problems():
        raise SystemExit(problems)


@celeryd_after_setup.connect
def prepare_targets(instance: Any, **_: object) -> None:
    """Prepare the target kinds that this worker runs.

    This happens before the worker forks, so that the processes of its pool share the imported modules in memory.
    """
    from executions.targets import TARGETS  # noqa: PLC0415 - reads the settings, whose module is set below the imports

    for target in TARGETS.values():
        if target.queue in instance.app.amqp.queues.consume_from:
            target.prepare_worker()
    freeze_loaded_objects()


@beat_init.connect
def freeze_loaded_objects(**_: object) -> None:
    """Exclude all objects loaded so far from garbage collection: scanning them stops the process for 0.1 s."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def ignore_sigterm(**_: object) -> None:
    """Let a process of the prefork pool ignore SIGTERM, so that its run finishes when all of a worker gets the signal.

    systemd, foreman and Heroku signal each process of a service. The worker's main process acts on the signal: it
    takes no more messages and waits for its pool.
    """
    if current_process().name == "MainProcess":  # `--pool solo`: the worker itself
        return
    pool_process = os.getpid()

    def on_sigterm(number: int, _: FrameType | None) -> None:
        if os.getpid() != pool_process:  # a process that a command has forked
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    # A program that a command starts would inherit SIG_IGN, and the command could not terminate it. It does not inherit
    # a handler. Billiard would replace the handlers of the signals in these two sets.
    for signals in (TERMSIGS_DEFAULT, TERMSIGS_FULL):
        signals.discard("SIGTERM")
    signal.signal(signal.SIGTERM, on_sigterm)


def is_no_time_limit_traceback(record: LogRecord) -> bool:
    """Return False for a log record with the traceback of an exceeded time limit, and True for all other records.

    The traceback is not needed, because Celery also logs the exceeded limit as one line.
    """
    return not (record.exc_info and any(isinstance(part, TimeLimitExceeded) for part in record.args or ()))


getLogger("celery.worker.request").addFilter(is_no_time_limit_traceback)


@task_prerun.connect
@task_postrun.connect
def release_connection_of_thread(**_: object) -> None:
    """Release the thread's database connection: an idle thread must hold no pooled or broken connection."""
    release_connection()
