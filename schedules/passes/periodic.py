"""django-celery-beat's own `PeriodicTask` rows: of several beats, the one with a lease in the database fires them.

The lease spares the other beats the work. That none is fired twice for one instant is up to the row itself: it is sent
in the transaction that notes when it was, and only if nobody has noted anything else meanwhile.
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
LEASE_TIME = timedelta(seconds=2)
AT_ONCE = 100  # rows that one pass fires at the most
LOOK_AT_HOUSEKEEPING = timedelta(seconds=30)
SAY_IT_IS_OFF = timedelta(hours=1)
ASK_AGAIN = 300.0  # seconds until a row that cannot tell when it is due is asked again
HELD = 1.0  # seconds until a row that another beat or an admin had in hand is asked again
SOONEST = 0.05  # seconds; the stock scheduler asks for a pass every few milliseconds shortly before a row is due


class Shape(NamedTuple):
    """What the JSON text of a field must hold."""

    kind: type
    words: str
    empty: str


OBJECT = Shape(dict, "an object, such as {}", "{}")
SHAPES = {"args": Shape(list, "a list, such as []", "[]"), "kwargs": OBJECT, "headers": OBJECT}


def read_json(field: str, text: str | None) -> Any:
    """Return what a field of a row holds; raises ValueError, in words and naming the field, for what it may not hold."""
    shape = SHAPES[field]
    try:
        value = loads(text or shape.empty)
    except Exception as error:  # noqa: BLE001  (kombu makes objects of what it reads, which fail in their own ways)
        raise ValueError(f"{field} is no JSON: {one_line(error)}") from None
    if not isinstance(value, shape.kind):
        raise ValueError(f"{field} must be {shape.words}")  # noqa: TRY004  (callers take one exception)
    return value


class PeriodicEntry(ModelEntry):  # type: ignore[misc]  # untyped base
    """A row as it was read; `stored_at` is when it was last fired, by what the table said then."""

    def __init__(self, model: Any, app: Any = None) -> None:
        """Raise for what cannot be carried out: the stock entry disables some such rows, and fires others."""
        for field in SHAPES:
            read_json(field, getattr(model, field))
        self.stored_at: datetime | None = model.last_run_at
        super().__init__(model, app)
        if self.schedule is None:
            raise ValueError("the row has no schedule")
        if type(self.schedule) is interval:
            # After the clock was set back: the stock entry would wait until it has caught up, and an interval after that.
            self.last_run_at: datetime = min(self.last_run_at, self._default_now())

    def is_due(self) -> Any:
        try:
            return super().is_due()
        except Exception as error:
            if isinstance(error, DatabaseFault) and is_database_unavailable():
                raise
            # A row's own fault, whatever it is, must not stop the others.
            _say_skipped(self.name, error)
            return schedstate(False, ASK_AGAIN)


class PeriodicScheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped base
    """The stock scheduler, for several beats. A store that is away is an exception to whoever called the pass."""

    Entry = PeriodicEntry
    _last_timestamp: datetime | None = None
    is_told_to_stop = False  # by a signal, whose exception may be lost where it is raised

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._lease_expires_at = self._lease_at = self._periodic_at = datetime.min.replace(tzinfo=UTC)
        self._now = self._lease_at
        self._faults: dict[str, str] = {}
        self._held: set[str] = set()
        self._housekeeping_at = self._say_it_is_off_at = datetime.min.replace(tzinfo=UTC)
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Celery calls this where an exception would end the program: the first pass does it."""

    def make_housekeeping(self, now: datetime) -> None:
        """Make the housekeeping rows that are missing, now and then. One that an admin has changed stays as it is.

        It is for the beat with the lease alone: of several at once, each waits for what another has stored, in a circle.
        """
        self._housekeeping_at = min(self._housekeeping_at, now + LOOK_AT_HOUSEKEEPING)
        if now < self._housekeeping_at:
            return
        housekeeping = self.app.conf.beat_schedule
        known = set(self.Model.objects.filter(name__in=housekeeping).values_list("name", flat=True))
        if missing := {name: entry for name, entry in housekeeping.items() if name not in known}:
            self.update_from_dict(missing)
        self._housekeeping_at = now + LOOK_AT_HOUSEKEEPING
        self._say_it_is_off_at = min(self._say_it_is_off_at, now + SAY_IT_IS_OFF)
        if now >= self._say_it_is_off_at and (names := find_switched_off()):
            log.warning("housekeeping_off", action="beat", names=names, hint="enable it under Periodic tasks")
            self._say_it_is_off_at = now + SAY_IT_IS_OFF

    def all_as_schedule(self) -> dict[str, PeriodicEntry]:
        """Return the rows that can be carried out, by name. Another is logged, and keeps none of them from firing."""
        entries, faults = {}, {}
        for row in self.enabled_models():
            try:
                entries[row.name] = self.Entry(row, app=self.app)
            except DatabaseFault:
                raise
            except Exception as error:  # noqa: BLE001  (the same)
                faults[row.name] = one_line(error)
                if faults[row.name] != self._faults.get(row.name):  # rows are read often
                    _say_skipped(row.name, error)
        self._faults = faults
        return entries

    def fire_periodic_tasks(self, now: datetime) -> datetime:
        """Send the rows that are due if the lease is ours; returns when to call again."""
        if now < self._now:
            # A clock that was set back must not keep us from firing until it has caught up.
            self._lease_at = self._periodic_at = now
            self._forget_schedule()
        self._now = now
        if now >= self._lease_at:
            self._take_lease(now)
        if now >= self._lease_expires_at:
            return self._lease_at
        self.make_housekeeping(now)
        if now < self._periodic_at:
            return min(self._lease_at, self._periodic_at)
        _ = self.producer  # connect first: what raises here has fired nothing
        self._held.clear()
        for _ in range(AT_ONCE):
            if wait := super().tick():
                break
        self._periodic_at = now + timedelta(seconds=max(wait, SOONEST))
        return min(self._lease_at, self._periodic_at)

    def is_due(self, entry: PeriodicEntry) -> Any:
        return schedstate(False, HELD) if entry.name in self._held else entry.is_due()

    def apply_entry(self, entry: PeriodicEntry, producer: Any = None) -> None:
        """Send a row and note that, or neither. The stock scheduler notes it minutes later, and tells of each at info."""
        entry.options = {**(entry.options or {}), "retry": False}
        row = entry.model
        try:
            with transaction.atomic():
                if not queries.mark_fired(row.pk, entry.stored_at, row.last_run_at, row.total_run_count):
                    # Another beat has fired it, or it was changed, or is being changed: read it again.
                    self._held.add(entry.name)
                    self._forget_schedule()
                    return
                self._send(entry, producer)
        except Exception:
            self._forget_schedule()  # not fired, so it stays due
            raise
        log.debug("periodic_task_sent", action="beat", name=entry.name)

    def _send(self, entry: PeriodicEntry, producer: Any) -> None:
        """Raise when the broker is away; what else is wrong with a row would be so each time, and is only logged."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            if self.is_told_to_stop:
                raise SystemExit from error
            if self.is_broker_fault(error):
                raise
            log.exception("periodic_task_not_sent", action="beat", name=entry.name)

    def is_broker_fault(self, error: BaseException) -> bool:
        """Whether it was the broker, and not what was to be sent, that failed."""
        cause = error.__context__ if isinstance(error, SchedulingError) else error
        errors = (*self.connection.connection_errors, *self.connection.channel_errors)
        return isinstance(cause, (*errors, BrokerFault, OSError))

    def schedule_changed(self) -> bool:
        """Whether an admin has changed a row. Unlike the stock scheduler's, this raises when it cannot ask."""
        last, self._last_timestamp = self._last_timestamp, self.Changes.last_change()
        return bool(last and self._last_timestamp != last)  # earlier, if the clock was set back

    def sync(self) -> None:
        """When rows were fired is stored as they are."""
        self._dirty.clear()

    def close(self) -> None:
        """Let another beat have the lease at once."""
        super().close()
        if self._now < self._lease_expires_at:
            with suppress(DatabaseFault):
                queries.give_lease_back(LEASE, self._holder)

    def _take_lease(self, now: datetime) -> None:
        had_lease = now < self._lease_expires_at
        if queries.take_lease(LEASE, self._holder, now, now + LEASE_TIME):
            self._lease_expires_at, self._lease_at = now + LEASE_TIME, now + LEASE_TIME / 2
            if not had_lease:
                self._forget_schedule()
        else:
            self._lease_expires_at, self._lease_at = now, now + settings.MAINSPRING.max_idle

    def _forget_schedule(self) -> None:
        """Read the rows anew: another beat has fired them, and stored when, since this one last looked."""
        self._schedule, self._heap, self._initial_read = None, None, True


def _say_skipped(name: str, error: Exception) -> None:
    log.warning("periodic_task_skipped", action="beat", name=name, error=one_line(error))
