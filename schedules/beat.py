"""The beat: django-celery-beat's scheduler, which also turns due jobs into runs and publishes them.

The beat reads the clock, does the work that is due, publishes messages, and sleeps until work is due again.
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
from celery.beat import ScheduleEntry
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
from schedules.clock.zones.data import OWN_VERSION
from schedules.passes.follow_ups import FollowUpResult, follow_once
from schedules.passes.outage import Outage
from schedules.passes.periodic import PeriodicScheduler
from schedules.passes.presence import Presence
from schedules.passes.timed import do_timed_work
from schedules.passes.wakeup import Wakeup
from schedules.tick import TickResult, tick
from schedules.zone_data.adoption import adopt
from values.clock import Reading, difference_text, machine_clock
from values.database import is_database_unavailable, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from celery import Celery
    from kombu import Connection

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FAULT_RETRY_DELAY = timedelta(seconds=1)  # after a pass or a part of it failed, or the broker did not answer
# Seconds. The beat does not tick while it waits for a broker that hangs, and an occurrence that is found later than
# MAINSPRING_MISFIRE_GRACE (5 s) counts as missed. The timeout is therefore well below 5 s.
BROKER_TIMEOUT = 1.5
# The transport options that limit how long kombu waits, by driver.
TIMEOUT_OPTIONS = {"redis": ("socket_timeout", "socket_connect_timeout"), "amqp": ("read_timeout", "write_timeout")}
# Another beat or a person's request may have locked due rows. Without this delay, the beat would retry in a busy loop.
LOCKED_RETRY_DELAY = timedelta(milliseconds=50)
STAND_BY_INTERVAL = timedelta(seconds=1)  # between two checks of a clock that is wrong
ADOPTION_INTERVAL = timedelta(seconds=5)  # while another version of the time zone data is in force
STRANDED_CHECK_INTERVAL = timedelta(seconds=5)  # each check asks the broker for the length of every queue
# Seconds. The minimum time between the starts of two passes, so that jobs due close together share one transaction.
MIN_PASS_INTERVAL = 0.01
NOTHING_DUE = TickResult(0, 0, 0, [])


def limit_lock_waits(**_: object) -> None:
    queries.limit_lock_waits()


@beat_init.connect
def limit_lock_waits_of_new_connections(**_: object) -> None:
    """Call `limit_lock_waits` for each database connection that the beat opens."""
    connection_created.connect(limit_lock_waits)


@beat_init.connect
def install_signal_handlers(sender: Any, **_: object) -> None:
    """Replace Celery's handler, which closes the scheduler in the middle of the statement that is running.

    The new handler raises SystemExit in that statement. If other code swallows the exception, `must_stop` stops the
    beat after the pass.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        sender.scheduler.must_stop = True
        raise SystemExit

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)


class JobEntry(ModelEntry):  # type: ignore[misc]  # untyped base
    """A beat entry for a message about due runs. The message is published once, whatever the entry's schedule is."""

    def __init__(self, message: Message, app: Celery) -> None:
        ScheduleEntry.__init__(
            self,
            name=message.name,
            task=RUN_TASK,
            schedule=celery_schedule(timedelta(0)),
            args=tuple(message.args),
            # kombu must not retry, because the beat would stop meanwhile: the beat itself postpones the message.
            options={**message.options, "retry": False},
            app=app,
        )


class JobScheduler(PeriodicScheduler):
    """The scheduler of `celery beat --scheduler schedules.beat:JobScheduler`. Any number of beats may run together."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._wakeup = Wakeup()
        self._has_failed = False  # the last pass raised
        self._is_faulty = False  # a part of this pass raised, and the other parts continued
        self._was_busy = False  # this pass did something
        self._allowance = MessageAllowance()
        self._database, self._broker = Outage("database"), Outage("broker")
        self._use_broker_at = self._check_stranded_at = self._adopt_at = datetime.min.replace(tzinfo=UTC)
        self._other_version: str | None = None  # the version of the time zone data about which a warning was logged
        super().__init__(*args, **kwargs)
        self._presence = Presence(self._holder)
        log.info("timezone_data", action="beat", version=OWN_VERSION)
        machine_clock.consequence = "This beat does nothing until then."

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do one pass, then sleep until work is due. If the pass fails, log the failure; the next pass tries again.

        A pass uses PostgreSQL's clock. If the clock of this machine is wrong, the beat does nothing instead of a pass.
        """
        sent_at, now, began = machine_clock.read(), machine_clock.now(), time.monotonic()
        # The first failure may only be a connection that the server has closed: retry now, on a new connection.
        delay = FAULT_RETRY_DELAY if self._has_failed else timedelta(0)
        self._has_failed, self._was_busy = True, False
        try:
            next_at = queries.next_at()
            reading = Reading(sent_at, timedelta(seconds=time.monotonic() - began), next_at.database_at)
            now, began = next_at.database_at, time.monotonic()
            machine_clock.use(reading)
            ahead = difference_text(reading.difference)
            problem = f"The clock of its machine is {ahead}: synchronize both (NTP)." if reading.is_wrong else ""
            # Before the pass, which may put time zone data in force: other beats must know that this beat is alive.
            self._presence.note(now, reading.difference, problem)
            if problem:
                self.drop_lease()
                delay = STAND_BY_INTERVAL
            else:
                delay = self.pass_once(now, next_at) - now
            self._has_failed = False
            self._database.end(now)
        except DatabaseFault as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
                log.warning("not_migrated", action="beat", hint="run manage.py migrate", error=one_line(error))
            else:
                self._database.note(error, now)
        except Exception:
            log.exception("pass_failed", action="beat")
        if self.must_stop:
            raise SystemExit
        close_old_connections()
        if self._was_busy:
            time.sleep(max(0.0, MIN_PASS_INTERVAL - (time.monotonic() - began)))
        self._wakeup.wait(delay.total_seconds() - (time.monotonic() - began))
        return 0.0

    def pass_once(self, now: datetime, next_at: queries.NextAt | None = None) -> datetime:
        """Do the work that is due, at most `tick_limit` items of each kind. Return when work is due again.

        `next_at`: when each kind of work is due, if the caller has read it. A pass without due work usually costs one
        query. While the broker is unavailable, ticks still record runs; the runs are published later.
        """
        limit = settings.MAINSPRING.tick_limit
        self._use_broker_at = min(self._use_broker_at, now + FAULT_RETRY_DELAY)  # the clock may have been set back
        next_at = next_at or queries.next_at()
        if next_at.zone_data != OWN_VERSION and self._adopt(now, next_at.zone_data):
            next_at = queries.next_at()
        self._was_busy, soonest = self._do_due_work(now, limit, next_at)
        again_at = [
            now + settings.MAINSPRING.max_idle,
            self._with_broker(self.fire_periodic_tasks, now),
            self._with_broker(self._free_stranded, now),
        ]
        if self._was_busy and soonest > now:  # some work is retried later: other work may be due earlier
            next_at = queries.next_at()
        each_at = (
            next_at.tick,
            next_at.follow,
            next_at.expire,
            next_at.timed,
            max(next_at.dispatch, self._use_broker_at),
        )
        return min(*again_at, *(at if at > now else soonest for at in each_at))

    def _adopt(self, now: datetime, in_force: str | None) -> bool:
        """Try to put this beat's version of the time zone data in force, every 5 s. Return whether it is in force now.

        Otherwise, this beat calculates by the version in force.
        """
        self._adopt_at = min(self._adopt_at, now + ADOPTION_INTERVAL)  # the clock may have been set back
        if now < self._adopt_at:
            return False
        self._adopt_at = now + ADOPTION_INTERVAL
        is_adopted = self._try(False, adopt, now)
        if not is_adopted and in_force != self._other_version:
            log.warning("timezone_data_differs", action="beat", version=OWN_VERSION, in_force=in_force)
            self._other_version = in_force
        return is_adopted

    def publish(self, messages: Sequence[Message], now: datetime) -> None:
        """Send messages. If the broker fails, postpone the runs of all unsent messages by at most a second.

        A message that itself causes an error is logged and not sent.
        """
        if messages and now < self._use_broker_at:
            postpone(messages, self._use_broker_at)
            return
        self._allowance.take(len(messages))
        for place, message in enumerate(messages):
            try:
                self.apply_async(JobEntry(message, self.app), producer=self.producer, advance=False)
            except Exception as error:
                if self.is_broker_fault(error):
                    self._note_broker_fault(error, now)
                    postpone(messages[place:], self._use_broker_at)
                    return
                # The message itself caused the error: send the other messages.
                log.exception("message_not_sent", action="beat", name=message.name)

    @cached_property
    def connection(self) -> Connection:
        """The connection to the broker, with short timeouts, because the beat does not tick while the broker hangs."""
        connection: Connection = self.app.connection_for_write(connect_timeout=BROKER_TIMEOUT)
        timeouts = dict.fromkeys(TIMEOUT_OPTIONS.get(connection.transport.driver_type, ()), BROKER_TIMEOUT)
        connection.transport_options = {**(connection.transport_options or {}), **timeouts, "max_retries": 0}
        return connection

    def close(self) -> None:
        super().close()
        with suppress(DatabaseFault):
            self._presence.end()
        self._wakeup.close()

    def _do_due_work(self, now: datetime, limit: int, next_at: queries.NextAt) -> tuple[bool, datetime]:
        """Do the due work of each kind in `next_at`.

        Return whether work was done, and when unfinished work is due again.
        """
        ticked, followed, dispatched = NOTHING_DUE, FollowUpResult(), Dispatched([])
        self._is_faulty = False
        n_expired = self._try(0, expire_once, now, limit) if next_at.expire <= now else 0
        # Handle follow-ups first: the tick's overlap decisions then see which runs have ended or were admitted.
        if next_at.follow <= now or n_expired:
            followed = self._try(followed, follow_once, now, limit)
        if next_at.tick <= now:
            ticked = self._try(ticked, tick, now, limit, self._allowance.at(now))
            self.publish(ticked.messages, now)
            if ticked.n_held:
                followed += self._try(FollowUpResult(), follow_once, now, limit)
        if (next_at.dispatch <= now or followed.n_decided or followed.n_opened) and now >= self._use_broker_at:
            dispatched = self._try(dispatched, dispatch_once, now, limit, self._allowance.at(now))
            self.publish(dispatched.messages, now)
        n_timed = self._try(0, do_timed_work, now, limit) if next_at.timed <= now else 0
        n_broken = ticked.n_broken + followed.n_broken + dispatched.n_broken
        was_busy = bool(ticked.n_jobs or followed.n_followups or n_expired or n_timed or dispatched.messages)
        if was_busy:
            log.debug(
                "pass",
                action="beat",
                n_jobs=ticked.n_jobs,
                n_skipped=ticked.n_skipped,
                n_broken=n_broken,
                n_followups=followed.n_followups,
                n_expired=n_expired,
                n_timed=n_timed,
                n_messages=len(ticked.messages) + len(dispatched.messages),
            )
        is_faulty = self._is_faulty or n_broken
        if ticked.more or (was_busy and not is_faulty):
            return was_busy, now
        return was_busy, now + (FAULT_RETRY_DELAY if is_faulty else LOCKED_RETRY_DELAY)

    def _try(self, otherwise: T, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do one part of a pass and return its result. If the part fails, log the failure and return `otherwise`.

        A part that fails does not stop other parts. Raises if the database is unavailable: then every part would fail.
        """
        try:
            return act(*args, **kwargs)
        except Exception as error:
            if is_database_unavailable(error):
                raise
            self._is_faulty = True
            log.exception("pass_failed", action="beat", part=act.__name__)
            return otherwise

    def _free_stranded(self, now: datetime) -> datetime:
        """Make queued runs due again if their queue is empty, because their messages may be lost.

        Return `now` if a run was made due, otherwise the time of the next check.
        """
        # The clock may have been set back.
        self._check_stranded_at = min(self._check_stranded_at, now + STRANDED_CHECK_INTERVAL)
        if now < self._check_stranded_at:
            return self._check_stranded_at
        self._check_stranded_at = now + STRANDED_CHECK_INTERVAL
        channel = self.producer.channel
        empty = [name for name in QUEUES if not self.app.amqp.queues[name](channel).queue_declare().message_count]
        return now if empty and republish_stranded(empty, now) else self._check_stranded_at

    def _with_broker(self, act: Callable[[datetime], datetime], now: datetime) -> datetime:
        """Do work that needs the broker, unless the broker is unavailable. Return when this work is due again."""
        if now < self._use_broker_at:
            return self._use_broker_at
        try:
            return act(now)
        except Exception as error:
            if self.is_broker_fault(error):
                self._note_broker_fault(error, now)
                return self._use_broker_at
            if is_database_unavailable(error):
                raise
            log.exception("pass_failed", action="beat", part=act.__name__)
            return now + FAULT_RETRY_DELAY

    def _note_broker_fault(self, error: BaseException, now: datetime) -> None:
        """Record the failure, drop the connection, and do not use the broker for 1 s.

        Each call to a broker that hangs stops the beat for `BROKER_TIMEOUT`.
        """
        self._broker.note(error, now)
        self._use_broker_at = now + FAULT_RETRY_DELAY
        self.__dict__.pop("producer", None)
        if connection := self.__dict__.pop("connection", None):
            with suppress(BrokerFault, OSError):
                connection.collect()

    def _ensure_connected(self) -> Connection:
        """Connect to the broker, or raise. Celery's own scheduler waits instead, but a waiting beat does not tick."""
        connected: Connection = self.connection.ensure_connection(max_retries=0)
        self._broker.end(machine_clock.now())
        return connected
