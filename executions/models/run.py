"""The model `Run`: one execution of a job, or the record of skipped occurrences."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from executions.models.spec import RunSpec
from executions.policies.limits import STORED_LIMIT_KEY_LENGTH, TERMS_LENGTH, Priority
from executions.states import ACTIVE, LIVE, TERMINAL, Origin, Reason, RunStatus
from values.durations import elapsed

if TYPE_CHECKING:
    from collections.abc import Collection

START_ORDER = (F("priority").desc(), F("nominal_at"), F("id"))


def _is_one_of(statuses: Collection[RunStatus]) -> Q:
    """Return a CASE expression for the condition of a partial index.

    PostgreSQL uses the index only for queries with the same CASE expression (`queries.has_status`).

    With a plain `status IN (...)` the planner may choose a wrong index. Until ANALYZE has seen runs with these
    statuses, the planner estimates the same cost for all indexes by status. The query may then read the runs of all
    jobs to find the runs of one job.
    """
    matches = When(status__in=[status.value for status in sorted(statuses)], then=Value(value=True))
    return Q(Case(matches, default=Value(value=False), output_field=models.BooleanField()))


IS_ACTIVE, IS_HELD = _is_one_of(ACTIVE), _is_one_of({RunStatus.HELD})


class Run(models.Model):
    """A run. Only `lifecycle/transitions.py` writes the status. The id is a UUIDv7 of the nominal instant."""

    id = models.UUIDField(primary_key=True, editable=False)
    # The foreign keys of this table have no constraints. A constraint would lock the referenced row on every insert.
    # And runs must stay after their job is deleted. The frozen definition has the job's name too.
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    job = models.ForeignKey(
        "schedules.Job", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="runs"
    )
    spec = models.ForeignKey(RunSpec, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    origin = models.CharField(max_length=10, choices=[(o, o.capitalize()) for o in Origin])
    retry_of = models.UUIDField(null=True, help_text="The original run that this run repeats.")
    backfill_id = models.UUIDField(null=True, help_text="The backfill that created the run.")
    nominal_at = models.DateTimeField(
        help_text="The instant of the schedule, or the time at which the run was requested or triggered."
    )
    last_nominal_at = models.DateTimeField(
        null=True, help_text="If the row covers several occurrences: the instant of the last one."
    )
    n_occurrences = models.PositiveIntegerField(db_default=1, help_text="Number of occurrences that this row covers.")

    status = models.CharField(max_length=10, choices=[(s, s.capitalize()) for s in RunStatus])
    reason = models.CharField(max_length=12, blank=True, db_default="", choices=[(r, r.capitalize()) for r in Reason])
    created_at = models.DateTimeField()
    available_at = models.DateTimeField(
        help_text="Earliest start of the next attempt. The value stays until another attempt is planned. When a held "
        "run is queued, the present time replaces this value."
    )
    planned_at = models.DateTimeField(
        null=True, help_text="Planned start, if jitter or the pace of a catch-up delays the run."
    )
    dispatch_at = models.DateTimeField(
        null=True, help_text="When the run is published to the broker, for the first time or again."
    )
    started_at = models.DateTimeField(null=True, help_text="Start of the first attempt.")
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True, db_default="")
    error = models.TextField(blank=True, db_default="")
    caused_by = models.UUIDField(null=True, help_text="The run whose end caused this run: a run of another job.")

    # For held runs: what prevents the start, the order of starts, and the start deadline.
    is_buffered = models.BooleanField(db_default=False, help_text="Held until the job has no other active run.")
    concurrency_key = models.CharField(max_length=STORED_LIMIT_KEY_LENGTH, blank=True, db_default="")
    rate_key = models.CharField(max_length=STORED_LIMIT_KEY_LENGTH, blank=True, db_default="")
    terms = models.CharField(
        max_length=TERMS_LENGTH,
        blank=True,
        db_default="",
        help_text="Hash of the limits: runs with the same hash have the same limits.",
    )
    priority = models.PositiveSmallIntegerField(db_default=Priority.MEDIUM.rank)
    expires_at = models.DateTimeField(null=True, help_text="Start deadline: the run does not start after this instant.")

    # The claim: a number that fences the worker's writes, and a lease.
    claim_no = models.IntegerField(
        db_default=0,
        help_text="Each claim increases this number. Only the claim with the present number may write.",
    )
    attempt_at = models.DateTimeField(null=True, help_text="Start of the latest attempt.")
    lease_expires_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=255, blank=True, db_default="")
    n_attempts = models.PositiveIntegerField(db_default=0)
    n_lost = models.PositiveIntegerField(db_default=0, help_text="Attempts whose worker was lost.")
    n_published = models.PositiveIntegerField(db_default=0, help_text="Messages published since the last claim.")

    class Meta:
        # Each partition also has a unique index on (job, nominal instant, origin): `history/partitions.py`.
        constraints: ClassVar = [
            models.CheckConstraint(name="run_status_known", condition=Q(status__in=[s.value for s in RunStatus])),
            models.CheckConstraint(
                name="run_terminal_has_finished",
                condition=Q(status__in=[s.value for s in sorted(TERMINAL)], finished_at__isnull=False)
                | Q(status__in=[s.value for s in sorted(LIVE)], finished_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            # queries.DISPATCH and NEXT_DISPATCH
            models.Index(F("dispatch_at"), F("id"), name="run_dispatch", condition=Q(dispatch_at__isnull=False)),
            # queries.COUNT_LIVE; held_queries.HELD and COUNT_ACTIVE
            models.Index(F("job"), name="run_active", condition=IS_ACTIVE),
            # held_queries.HELD, by job and by key
            models.Index(F("job"), F("terms"), *START_ORDER, name="run_held", condition=IS_HELD),
            models.Index(
                F("concurrency_key"),
                F("terms"),
                *START_ORDER,
                name="run_held_key",
                condition=IS_HELD & ~Q(concurrency_key=""),
            ),
            models.Index(
                F("rate_key"), F("terms"), *START_ORDER, name="run_held_rate", condition=IS_HELD & ~Q(rate_key="")
            ),
            # held_queries.COUNT_OF_KEYS
            models.Index(F("concurrency_key"), name="run_active_key", condition=IS_ACTIVE & ~Q(concurrency_key="")),
            # held_queries.EXPIRE and NEXT_EXPIRY
            models.Index(
                F("expires_at"),
                name="run_expires",
                condition=Q(status__in=["held", "queued"], n_attempts=0, expires_at__isnull=False),
            ),
            # queries.EXPIRED_LEASES
            models.Index(F("lease_expires_at"), name="run_lease", condition=Q(status="running")),
            # history.queries.PRUNE
            models.Index(F("finished_at"), name="run_finished", condition=Q(finished_at__isnull=False)),
            # the API's and admin's lists, newest first: `newest.py`
            models.Index(F("status"), F("nominal_at").desc(), name="run_status"),
            models.Index(F("reason"), F("nominal_at").desc(), name="run_reason", condition=~Q(reason="")),
            # the same lists for one job; without live runs, so that a run is indexed only once, when it ends
            models.Index(
                F("job"),
                F("status"),
                F("nominal_at").desc(),
                name="run_of_job",
                condition=Q(status__in=[s.value for s in sorted(TERMINAL)]),
            ),
            models.Index(
                F("origin"),
                F("status"),
                F("nominal_at").desc(),
                name="run_origin",
                condition=~Q(origin="schedule"),
            ),
            # history.queries.RETRIES, STARTED_RETRIES and COUNT_OF_BACKFILLS
            models.Index(
                F("retry_of"), F("created_at").desc(), name="run_retry_of", condition=Q(retry_of__isnull=False)
            ),
            models.Index(F("backfill_id"), F("status"), name="run_backfill", condition=Q(backfill_id__isnull=False)),
            # history.queries.FOLDED and FOLDED_IN
            models.Index(F("job"), F("nominal_at").desc(), name="run_folded", condition=Q(n_occurrences__gt=1)),
        ]
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.spec.job_name} at {self.nominal_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def duration(self) -> timedelta | None:
        """Time from the first attempt to the end of the run, including the delays before retries.

        None until the run has ended, and for a run that never started.
        """
        return elapsed(self.started_at, self.finished_at) if self.finished_at and self.started_at else None

    def delay_after_plan(self) -> timedelta | None:
        """Return the time from the planned start to the first attempt.

        None before the first attempt, and for a run without a planned start.
        """
        started: datetime | None = self.started_at
        return elapsed(self.planned_at, started) if started and self.planned_at else None

    def unplanned_delay(self) -> timedelta | None:
        """Return the time from the planned start to the first attempt.

        If the run has no planned start, the time counts from the nominal instant. None before the first attempt.
        """
        after_plan = self.delay_after_plan()
        return self.start_delay() if after_plan is None else after_plan

    def start_delay(self) -> timedelta | None:
        """Return the time from the nominal instant to the first attempt; None before the first attempt."""
        started: datetime | None = self.started_at
        return elapsed(self.nominal_at, started) if started else None
