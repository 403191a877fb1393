"""Fires django-celery-beat's `PeriodicTask` rows. If several beats run, only the beat that holds the lease fires rows.

The lease only avoids duplicate work. Even without a lease, two beats do not fire a row for the same instant. A beat
fires a row only if the row's `last_run_at` has not changed since the beat read the row. In one transaction, the beat
stores the new `last_run_at` and sends the row's message.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import structlog
from celery.beat import SchedulingError
from celery.schedules import schedstate
from celery.schedules import schedule as interval
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import transaction
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from kombu.exceptions import OperationalError as BrokerFault
from kombu.utils.json import loads

from schedules import queries
from schedules.passes.housekeeping import find_switched_off
from values.database import is_database_unavailable, one_line

log = structlog.get_logger(__name__)

LEASE = "periodic_tasks"
LEASE_DURATION = timedelta(seconds=2)  # if a beat is killed, another beat can take its lease after this time
MAX_ROWS_PER_PASS = 100  # due jobs wait while rows are sent
HOUSEKEEPING_CHECK_INTERVAL = timedelta(seconds=30)  # then a deleted row is created again; a check is one query
HOUSEKEEPING_WARNING_INTERVAL = timedelta(hours=1)  # while a row is disabled: often enough to be seen in the log
# Seconds until the beat checks a row again after the row's schedule has raised an exception. Only an edit can repair
# the row, and the beat notices edits earlier.
BROKEN_ROW_DELAY = 300.0
# Seconds until the beat checks a row again if another beat has fired the row or an admin is changing it.
LOCKED_ROW_DELAY = 1.0
# Seconds. Shortly before a row is due, django-celery-beat's scheduler would check it every few milliseconds.
MIN_ROW_CHECK_INTERVAL = 0.05


class JsonType(NamedTuple):
    """The Python type of a field's JSON, the description of the type for errors, and the JSON of an empty field."""

    python_type: type
    description: str
    empty: str


OBJECT = JsonType(dict, "an object, such as {}", "{}")
JSON_FIELDS = {"args": JsonType(list, "a list, such as []", "[]"), "kwargs": OBJECT, "headers": OBJECT}


def read_json(field: str, text: str | None) -> Any:
    """Return the value of a JSON field of a row; an empty list or object if the field is empty.

    Raises ValueError, with a sentence that names the field, if the text is not JSON or has the wrong type.
    """
    wanted = JSON_FIELDS[field]
    try:
        value = loads(text or wanted.empty)
    except Exception as error:  # noqa: BLE001  (kombu builds objects from the text, which may raise anything)
        raise ValueError(f"{field} is not valid JSON: {one_line(error)}") from None
    if not isinstance(value, wanted.python_type):
        raise ValueError(f"{field} must be {wanted.description}")  # noqa: TRY004  (callers catch one exception)
    return value


class PeriodicEntry(ModelEntry):  # type: ignore[misc]  # untyped base
    """A `PeriodicTask` row as it was read.

    `stored_at` is the `last_run_at` that was read. None: the row has not fired since it was created or last enabled.
    """

    def __init__(self, model: Any, app: Any = None) -> None:
        """Raise an exception for a row that cannot be fired. The base class would disable or even fire such a row."""
        for field in JSON_FIELDS:
            read_json(field, getattr(model, field))
        self.stored_at: datetime | None = model.last_run_at
        super().__init__(model, app)
        if self.schedule is None:
            raise ValueError("the row has no schedule")
        if type(self.schedule) is interval:
            # If the clock was set back, the stock entry would not fire until one interval after the stored time.
            self.last_run_at: datetime = min(self.last_run_at, self._default_now())

    def is_due(self) -> Any:
        try:
            return super().is_due()
        except Exception as error:
            if isinstance(error, DatabaseFault) and is_database_unavailable(error):
                raise
            # One row that fails, for any reason, must not stop the other rows.
            _log_skipped(self.name, error)
            return schedstate(False, BROKEN_ROW_DELAY)


class PeriodicScheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped base
    """django-celery-beat's scheduler, adapted to several beats.

    `fire_periodic_tasks` raises if the database or the broker is unavailable.
    """

    Entry = PeriodicEntry
    _last_timestamp: datetime | None = None
    must_stop = False  # set by the signal handler, because other code may swallow its SystemExit

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._lease_expires_at = self._lease_at = self._periodic_at = datetime.min.replace(tzinfo=UTC)
        self._now = self._lease_at
        self._faults: dict[str, str] = {}
        self._locked: set[str] = set()
        self._housekeeping_at = self._warn_at = datetime.min.replace(tzinfo=UTC)
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Do nothing, because an exception in this method would end the process. The first pass reads the rows."""

    def create_housekeeping_rows(self, now: datetime) -> None:
        """Create missing housekeeping rows, every 30 seconds. Log a warning about disabled rows, once an hour.

        A row that an admin has changed stays as it is. Only the beat with the lease calls this method: two beats that
        create rows at the same time could deadlock.
        """
        # The clock may have been set back.
        self._housekeeping_at = min(self._housekeeping_at, now + HOUSEKEEPING_CHECK_INTERVAL)
        if now < self._housekeeping_at:
            return
        housekeeping = self.app.conf.beat_schedule
        known = set(self.Model.objects.filter(name__in=housekeeping).values_list("name", flat=True))
        if missing := {name: entry for name, entry in housekeeping.items() if name not in known}:
            self.update_from_dict(missing)
        self._housekeeping_at = now + HOUSEKEEPING_CHECK_INTERVAL
        self._warn_at = min(self._warn_at, now + HOUSEKEEPING_WARNING_INTERVAL)
        if now >= self._warn_at and (names := find_switched_off()):
            log.warning("housekeeping_off", action="beat", names=names, hint="enable these rows under Periodic tasks")
            self._warn_at = now + HOUSEKEEPING_WARNING_INTERVAL

    def all_as_schedule(self) -> dict[str, PeriodicEntry]:
        """Return the rows of `enabled_models` that can be fired, by name.

        Log each row of `enabled_models` that cannot be fired, once for each fault.
        """
        entries, faults = {}, {}
        for row in self.enabled_models():
            try:
                entries[row.name] = self.Entry(row, app=self.app)
            except DatabaseFault:
                raise
            except Exception as error:  # noqa: BLE001  (the fault of one row must not stop the other rows)
                faults[row.name] = one_line(error)
                if faults[row.name] != self._faults.get(row.name):  # rows are read often: log only new faults
                    _log_skipped(row.name, error)
        self._faults = faults
        return entries

    def fire_periodic_tasks(self, now: datetime) -> datetime:
        """Fire the rows that are due, if this beat holds the lease. Return the time of the next call."""
        if now < self._now:
            # The clock was set back: without this, no row would fire until the clock reaches the old time.
            self._lease_at = self._periodic_at = now
            self._forget_schedule()
        self._now = now
        if now >= self._lease_at:
            self._take_lease(now)
        if now >= self._lease_expires_at:
            return self._lease_at
        self.create_housekeeping_rows(now)
        if now < self._periodic_at:
            return min(self._lease_at, self._periodic_at)
        _ = self.producer  # connect first: if this fails, no row has been fired
        self._locked.clear()
        for _ in range(MAX_ROWS_PER_PASS):
            if wait := super().tick():
                break
        self._periodic_at = now + timedelta(seconds=max(wait, MIN_ROW_CHECK_INTERVAL))
        return min(self._lease_at, self._periodic_at)

    def is_due(self, entry: PeriodicEntry) -> Any:
        return schedstate(False, LOCKED_ROW_DELAY) if entry.name in self._locked else entry.is_due()

    def apply_entry(self, entry: PeriodicEntry, producer: Any = None) -> None:
        """Send a row's message and store `last_run_at` in one transaction.

        Send nothing if another beat has fired the row, or if somebody has disabled or locked the row. The scheduler of
        django-celery-beat stores `last_run_at` later.
        """
        entry.options = {**(entry.options or {}), "retry": False}
        row = entry.model
        try:
            with transaction.atomic():
                if not queries.mark_fired(row.pk, entry.stored_at, row.last_run_at, row.total_run_count):
                    # Another beat has fired the row, or somebody has disabled or locked it: read all rows again.
                    self._locked.add(entry.name)
                    self._forget_schedule()
                    return
                self._send(entry, producer)
        except Exception:
            self._forget_schedule()  # the row was not fired, so it is still due
            raise
        log.debug("periodic_task_sent", action="beat", name=entry.name)

    def _send(self, entry: PeriodicEntry, producer: Any) -> None:
        """Send the message of a row. Raises if the broker is unavailable.

        Any other error is only logged: the row itself causes it, so sending again would not help.
        """
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if self.must_stop:
                raise SystemExit from error
            if self.is_broker_fault(error):
                raise
            log.exception("periodic_task_not_sent", action="beat", name=entry.name)

    def is_broker_fault(self, error: BaseException) -> bool:
        """Whether the broker caused this error. Otherwise the message caused it."""
        cause = error.__context__ if isinstance(error, SchedulingError) else error
        errors = (*self.connection.connection_errors, *self.connection.channel_errors)
        return isinstance(cause, (*errors, BrokerFault, OSError))

    def schedule_changed(self) -> bool:
        """Return whether somebody has changed a periodic task since the last call.

        Raises if the database is unavailable. The method of the parent class would return False.
        """
        last, self._last_timestamp = self._last_timestamp, self.Changes.last_change()
        return bool(last and self._last_timestamp != last)  # not `>`: the clock may have been set back

    def sync(self) -> None:
        """Discard the changes that the parent class would store here: `apply_entry` stores each entry that it fires."""
        self._dirty.clear()

    def close(self) -> None:
        super().close()
        with suppress(DatabaseFault):
            self.drop_lease()

    def drop_lease(self) -> None:
        """Give the lease back, if this beat has it, so that another beat can take it immediately."""
        if self._now < self._lease_expires_at:
            queries.give_lease_back(LEASE, self._holder)
            self._lease_expires_at = self._lease_at = datetime.min.replace(tzinfo=UTC)

    def _take_lease(self, now: datetime) -> None:
        had_lease = now < self._lease_expires_at
        if queries.take_lease(LEASE, self._holder, now, now + LEASE_DURATION):
            self._lease_expires_at, self._lease_at = now + LEASE_DURATION, now + LEASE_DURATION / 2
            if not had_lease:
                self._forget_schedule()
        else:
            self._lease_expires_at, self._lease_at = now, now + settings.MAINSPRING.max_idle

    def _forget_schedule(self) -> None:
        """Drop the cached rows. The next check reads the rows again, because other beats may have changed them."""
        self._schedule, self._heap, self._initial_read = None, None, True


def _log_skipped(name: str, error: Exception) -> None:
    log.warning("periodic_task_skipped", action="beat", name=name, error=one_line(error))
