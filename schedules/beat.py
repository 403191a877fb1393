"""The only beat: django-celery-beat's scheduler, which also turns due jobs into runs and publishes them.

Reads the clock, calls the passes, publishes what they return, and sleeps until the next instant.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from celery.beat import ScheduleEntry, SchedulingError
from celery.schedules import schedule as celery_schedule
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry
from kombu.exceptions import OperationalError as BrokerFault

from executions.dispatch import CARRY_OUT, Message, dispatch_once, next_dispatch_at, postpone
from schedules import queries
from schedules.tick import tick
from schedules.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery
    from kombu import Connection

log = structlog.get_logger(__name__)

LEASE = "periodic_tasks"
LEASE_TIME = timedelta(seconds=5)
BROKER_FAULTS = (SchedulingError, BrokerFault, OSError)
AFTER_FAULT = timedelta(seconds=1)  # database or broker away: try again then


class JobEntry(ModelEntry):  # type: ignore[misc]  # untyped base
    """A run as a beat entry. It is published once and never asked whether it is due: the tick has decided that."""

    def __init__(self, message: Message, app: Celery) -> None:
        ScheduleEntry.__init__(
            self,
            name=message.job_name,
            task=CARRY_OUT,
            schedule=celery_schedule(timedelta(0)),
            args=tuple(message.args),
            # The beat knows best what to do when the broker is away: kombu is not to try by itself.
            options={**message.options, "retry": False},
            app=app,
        )


class JobScheduler(DatabaseScheduler):  # type: ignore[misc]  # untyped base
    """`celery beat --scheduler schedules.beat:JobScheduler`. Run as many as you like."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._wakeup = Wakeup()
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._lease_expires_at = self._periodic_at = datetime.min.replace(tzinfo=UTC)
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One pass, then sleep. Whatever goes wrong in a pass, the next one comes."""
        wake_at = datetime.now(UTC) + AFTER_FAULT
        try:
            wake_at = self.pass_once(datetime.now(UTC))
        except (DatabaseFault, *BROKER_FAULTS) as error:
            self._reconnect()
            log.warning("pass_failed", action="beat", error=f"{type(error).__name__}: {error}".strip())
        except Exception:
            log.exception("pass_failed", action="beat")
        close_old_connections()
        self._wakeup.wait((wake_at - datetime.now(UTC)).total_seconds())
        return 0.0

    def pass_once(self, now: datetime) -> datetime:
        """Tick, dispatch, fire periodic tasks; returns the instant at which there is something to do again."""
        limit = settings.MAINSPRING.tick_limit
        ticked = tick(now, limit)
        self.publish(ticked.messages, now)
        again = dispatch_once(now, limit)
        self.publish(again, now)
        if ticked.n_jobs or again:
            log.info(
                "pass",
                action="beat",
                n_jobs=ticked.n_jobs,
                n_skipped=ticked.n_skipped,
                n_broken=ticked.n_broken,
                n_published=len(ticked.messages) + len(again),
            )
        self._fire_periodic_tasks(now)
        if max(ticked.n_jobs, len(again)) >= limit:
            return now
        due = [at for at in (queries.next_due_at(), next_dispatch_at()) if at]
        return min([*due, self._periodic_at, now + settings.MAINSPRING.max_idle])

    def publish(self, messages: Sequence[Message], now: datetime) -> None:
        """Send messages; those that the broker does not take are due again a second later."""
        for place, message in enumerate(messages):
            try:
                self.apply_async(JobEntry(message, self.app), producer=self.producer, advance=False)
            except BROKER_FAULTS as error:
                self._reconnect()
                postpone(messages[place:], now + AFTER_FAULT)
                log.warning("broker_away", action="publish", n_waiting=len(messages) - place, error=str(error))
                return

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send a periodic task. The stock scheduler says so each time at level info: housekeeping would fill the log."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError:
            log.exception("periodic_task_not_sent", action="beat", name=entry.name)
        else:
            log.debug("periodic_task_sent", action="beat", name=entry.name)

    def setup_schedule(self) -> None:
        """Make the housekeeping rows that are missing. One that an admin has changed stays as it is."""
        known = set(self.Model.objects.values_list("name", flat=True))
        housekeeping = self.app.conf.beat_schedule.items()
        self.update_from_dict({name: entry for name, entry in housekeeping if name not in known})

    def _fire_periodic_tasks(self, now: datetime) -> None:
        if now < self._periodic_at and now + LEASE_TIME / 2 < self._lease_expires_at:
            return
        had_lease = now < self._lease_expires_at
        if not queries.take_lease(LEASE, self._holder, now, now + LEASE_TIME):
            self._lease_expires_at, self._periodic_at = now, now + settings.MAINSPRING.max_idle
            return
        if not had_lease:
            self._forget_schedule()
        self._lease_expires_at = now + LEASE_TIME
        _ = self.producer  # connect first: a row that the stock scheduler cannot send is lost until the next time
        wait = super().tick()
        self._periodic_at = now + timedelta(seconds=max(wait, 0.0))
        if self._dirty:
            self.sync()  # at once, not every three minutes, so that another beat can take over

    def _forget_schedule(self) -> None:
        """Read the rows anew: another beat has fired them, and stored when, since this one last looked."""
        self._schedule, self._heap, self._initial_read = None, None, True

    def _ensure_connected(self) -> Connection:
        """Connect or raise. The stock scheduler waits here for the broker, and no tick would record anything."""
        connected: Connection = self.connection.ensure_connection(max_retries=0)
        return connected

    def _reconnect(self) -> None:
        for name in ("producer", "connection"):
            self.__dict__.pop(name, None)

    def close(self) -> None:
        super().close()
        self._wakeup.close()
