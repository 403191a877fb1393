"""The only beat: django-celery-beat's scheduler, which also turns due jobs into runs and publishes them.

Reads the clock, calls the passes, publishes what they return, and sleeps until the next instant.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import psycopg
import structlog
from celery.beat import ScheduleEntry, SchedulingError
from celery.schedules import schedule as celery_schedule
from celery.signals import beat_init
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import close_old_connections
from django.db.backends.signals import connection_created
from django_celery_beat.schedulers import ModelEntry
from kombu.exceptions import OperationalError as BrokerFault

from executions.dispatch import (
    QUEUES,
    RUN_TASK,
    Dispatched,
    Message,
    MessageAllowance,
    dispatch_once,
    expire_once,
    postpone,
    republish_stranded,
)
from schedules import queries
from schedules.passes.follow_ups import FollowUpResult, follow_once
from schedules.passes.outage import Outage
from schedules.passes.periodic import PeriodicScheduler
from schedules.passes.timed import NO_TIMED_WORK, do_timed_work
from schedules.passes.wakeup import Wakeup
from schedules.tick import TickResult, tick
from values.database import is_database_unavailable, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from celery import Celery
    from kombu import Connection

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BROKER_FAULTS = (SchedulingError, BrokerFault, OSError)
AFTER_FAULT = timedelta(seconds=1)  # database or broker away: try again then
# Seconds that beat waits for a broker that hangs. Nothing ticks meanwhile, and what is found later than
# MAINSPRING_MISFIRE_GRACE counts as missed: so well under its five seconds.
PATIENCE = 1.5
TIMEOUTS = {"redis": ("socket_timeout", "socket_connect_timeout"), "amqp": ("read_timeout", "write_timeout")}
LOCKED = timedelta(milliseconds=50)  # what is due is in another beat's hands, or in an administrator's: look again then
LOOK_FOR_STRANDED = timedelta(seconds=5)
BREATH = 0.01  # seconds from one pass that took something to the next: what falls due meanwhile shares its cost
NOTHING = TickResult(0, 0, 0, [])


def limit_waiting(**_: object) -> None:
    queries.limit_waiting()


@beat_init.connect
def limit_waiting_from_now_on(**_: object) -> None:
    """Connected so that no lock which somebody holds keeps the clock."""
    connection_created.connect(limit_waiting)


@beat_init.connect
def stop_in_order(sender: Any, **_: object) -> None:
    """Take the place of Celery's handler, which closes the scheduler under the statement or call that it comes upon.

    That one may then lose the exception, and the beat would live on.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        sender.scheduler.is_told_to_stop = True
        raise SystemExit

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)


class JobEntry(ModelEntry):  # type: ignore[misc]  # untyped base
    """A run as a beat entry. It is published once and never asked whether it is due: the tick has decided that."""

    def __init__(self, message: Message, app: Celery) -> None:
        ScheduleEntry.__init__(
            self,
            name=message.name,
            task=RUN_TASK,
            schedule=celery_schedule(timedelta(0)),
            args=tuple(message.args),
            # The beat knows best what to do when the broker is away: kombu is not to try by itself.
            options={**message.options, "retry": False},
            app=app,
        )


class JobScheduler(PeriodicScheduler):
    """`celery beat --scheduler schedules.beat:JobScheduler`. Run as many as you like."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._wakeup = Wakeup()
        self._has_failed = self._is_faulty = self._took = False
        self._allowance = MessageAllowance()
        self._database, self._broker = Outage("database"), Outage("broker")
        self._ask_broker_at = self._look_for_stranded_at = datetime.min.replace(tzinfo=UTC)
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One pass, then sleep. Whatever goes wrong in a pass, the next one comes."""
        now, began = self.read_clock(), time.monotonic()
        # What fails first may only be a connection that the server has closed: then the next pass has a new one.
        wake_at = now + (AFTER_FAULT if self._has_failed else timedelta(0))
        self._has_failed, self._took = True, False
        try:
            wake_at = self.pass_once(now)
            self._has_failed = False
            self._database.end(now)
        except DatabaseFault as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
                log.warning("not_migrated", action="beat", hint="run manage.py migrate", error=one_line(error))
            else:
                self._database.note(error, now)
        except Exception:
            log.exception("pass_failed", action="beat")
        if self.is_told_to_stop:
            raise SystemExit
        close_old_connections()
        if self._took:
            time.sleep(max(0.0, BREATH - (time.monotonic() - began)))
        self._wakeup.wait((wake_at - self.read_clock()).total_seconds())
        return 0.0

    def read_clock(self) -> datetime:
        return datetime.now(UTC)

    def pass_once(self, now: datetime) -> datetime:
        """Tick, dispatch, fire periodic tasks; returns the instant at which there is something to do again.

        With nothing due it costs one query; after a pass that took something there may be more at once. While the
        broker is away jobs tick on, and what is due to be published stays so.
        """
        limit = settings.MAINSPRING.tick_limit
        self._ask_broker_at = min(self._ask_broker_at, now + AFTER_FAULT)  # the clock may have been set back
        next_at = queries.next_at()
        self._took, soonest = self._take_due(now, limit, next_at)
        again_at = [
            now + settings.MAINSPRING.max_idle,
            self._with_broker(self.fire_periodic_tasks, now),
            self._with_broker(self._free_stranded, now),
        ]
        if self._took and soonest > now:  # what failed has time: when is there something else?
            next_at = queries.next_at()
        each_at = (
            next_at.tick,
            next_at.follow,
            next_at.expire,
            next_at.timed,
            max(next_at.dispatch, self._ask_broker_at),
        )
        return min(*again_at, *(at if at > now else soonest for at in each_at))

    def publish(self, messages: Sequence[Message], now: datetime) -> None:
        """Send messages; those that the broker does not take are due again a second later."""
        if messages and now < self._ask_broker_at:
            postpone(messages, self._ask_broker_at)
            return
        self._allowance.take(len(messages))
        for place, message in enumerate(messages):
            try:
                self.apply_async(JobEntry(message, self.app), producer=self.producer, advance=False)
            except BROKER_FAULTS as error:
                self._note_broker_fault(error, now)
                postpone(messages[place:], self._ask_broker_at)
                return

    @cached_property
    def connection(self) -> Connection:
        """To the broker, with less patience than a worker has."""
        connection: Connection = self.app.connection_for_write(connect_timeout=PATIENCE)
        timeouts = dict.fromkeys(TIMEOUTS.get(connection.transport.driver_type, ()), PATIENCE)
        connection.transport_options = {**(connection.transport_options or {}), **timeouts, "max_retries": 0}
        return connection

    def close(self) -> None:
        super().close()
        self._wakeup.close()

    def _take_due(self, now: datetime, limit: int, next_at: queries.NextAt) -> tuple[bool, datetime]:
        """Tick, follow up and dispatch what is due; returns whether anything was, and when to look at what still is."""
        ticked, followed, again = NOTHING, FollowUpResult(), Dispatched([])
        self._is_faulty = False
        n_expired = self._try(0, expire_once, now, limit) if next_at.expire <= now else 0
        if next_at.follow <= now or n_expired:  # first, so that the tick knows what is over and what has its place
            followed = self._try(followed, follow_once, now, limit)
        if next_at.tick <= now:
            ticked = self._try(ticked, tick, now, limit, self._allowance.at(now))
            self.publish(ticked.messages, now)
            if ticked.n_held:
                followed += self._try(FollowUpResult(), follow_once, now, limit)
        if (next_at.dispatch <= now or followed.n_decided or followed.n_opened) and now >= self._ask_broker_at:
            again = self._try(again, dispatch_once, now, limit, self._allowance.at(now))
            self.publish(again.messages, now)
        timed = self._try(NO_TIMED_WORK, do_timed_work, now, limit) if next_at.timed <= now else NO_TIMED_WORK
        n_broken = ticked.n_broken + followed.n_broken + again.n_broken
        took = bool(ticked.n_jobs or followed.n_followups or n_expired or timed.n_done or again.messages)
        if took:
            log.debug(
                "pass",
                action="beat",
                n_jobs=ticked.n_jobs,
                n_skipped=ticked.n_skipped,
                n_broken=n_broken,
                n_followups=followed.n_followups,
                n_expired=n_expired,
                n_timed=timed.n_done,
                n_messages=len(ticked.messages) + len(again.messages),
            )
        is_faulty = self._is_faulty or n_broken
        if ticked.more or (took and not is_faulty):
            return took, now
        return took, now + (AFTER_FAULT if is_faulty else LOCKED)

    def _try(self, otherwise: T, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do one part of a pass. What fails in it, though the database answers, keeps no other part from being done."""
        try:
            return act(*args, **kwargs)
        except Exception:
            if is_database_unavailable():
                raise
            self._is_faulty = True
            log.exception("pass_failed", action="beat", part=act.__name__)
            return otherwise

    def _free_stranded(self, now: datetime) -> datetime:
        """Publish again what waits for a queue that the broker says is empty; returns when to look again."""
        self._look_for_stranded_at = min(self._look_for_stranded_at, now + LOOK_FOR_STRANDED)
        if now < self._look_for_stranded_at:
            return self._look_for_stranded_at
        self._look_for_stranded_at = now + LOOK_FOR_STRANDED
        channel = self.producer.channel
        empty = [name for name in QUEUES if not self.app.amqp.queues[name](channel).queue_declare().message_count]
        return now if empty and republish_stranded(empty, now) else self._look_for_stranded_at

    def _with_broker(self, act: Callable[[datetime], datetime], now: datetime) -> datetime:
        """Do what needs the broker, if that answers; returns when to do it again."""
        if now < self._ask_broker_at:
            return self._ask_broker_at
        try:
            return act(now)
        except Exception as error:
            if self.is_broker_fault(error):
                self._note_broker_fault(error, now)
                return self._ask_broker_at
            if is_database_unavailable():
                raise
            log.exception("pass_failed", action="beat", part=act.__name__)
            return now + AFTER_FAULT

    def _note_broker_fault(self, error: BaseException, now: datetime) -> None:
        """Leave the broker alone for a moment: each time that it is asked and hangs, nothing ticks for so long."""
        self._broker.note(error, now)
        self._ask_broker_at = now + AFTER_FAULT
        self.__dict__.pop("producer", None)
        if connection := self.__dict__.pop("connection", None):
            with suppress(*BROKER_FAULTS):
                connection.collect()

    def _ensure_connected(self) -> Connection:
        """Connect or raise. The stock scheduler waits here for the broker, and no tick would record anything."""
        connected: Connection = self.connection.ensure_connection(max_retries=0)
        self._broker.end(self.read_clock())
        return connected
