"""Run: the carrying out of one occurrence, or the record of why it did not start."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from executions.models.spec import RunSpec
from executions.policies.limits import KEY_LENGTH, TERMS_LENGTH, Priority
from executions.states import ACTIVE, LIVE, TERMINAL, Origin, Reason, RunStatus

if TYPE_CHECKING:
    from collections.abc import Collection

IN_TURN = (F("priority").desc(), F("nominal_at"), F("id"))


def _is_one_of(statuses: Collection[RunStatus]) -> Q:
    """As `queries.is_one_of` has it, for an index that serves those alone who ask like that.

    Before the statistics know of runs in these statuses, the planner takes any index by status for as good as any other,
    and would read all of them for those of one job.
    """
    said = When(status__in=[status.value for status in sorted(statuses)], then=Value(value=True))
    return Q(Case(said, default=Value(value=False), output_field=models.BooleanField()))


IS_ACTIVE, IS_HELD = _is_one_of(ACTIVE), _is_one_of({RunStatus.HELD})


class Run(models.Model):
    """Written only by `transitions.py`. Its id is a UUIDv7 of the nominal instant."""

    id = models.UUIDField(primary_key=True, editable=False)
    # Foreign keys are without constraints in this table: a check of each would lock the referenced row on every insert, and history
    # outlives its job, whose name stands in the frozen definition.
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    job = models.ForeignKey(
        "schedules.Job", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="runs"
    )
    spec = models.ForeignKey(RunSpec, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    origin = models.CharField(max_length=10, choices=[(o, o.capitalize()) for o in Origin])
    retry_of = models.UUIDField(null=True, help_text="The run that this one carries out again.")
    backfill_id = models.UUIDField(null=True, help_text="The backfill that asked for it.")
    nominal_at = models.DateTimeField(help_text="The instant that the schedule names, or that of the request.")
    last_nominal_at = models.DateTimeField(null=True, help_text="Last occurrence of a row that folds several.")
    n_occurrences = models.PositiveIntegerField(db_default=1, help_text="Occurrences that this row stands for.")

    status = models.CharField(max_length=10, choices=[(s, s.capitalize()) for s in RunStatus])
    reason = models.CharField(max_length=12, blank=True, db_default="", choices=[(r, r.capitalize()) for r in Reason])
    created_at = models.DateTimeField()
    available_at = models.DateTimeField(help_text="May not be carried out before this instant.")
    planned_at = models.DateTimeField(
        null=True, help_text="When it was to start, where jitter or the pace of a catch-up had put that off."
    )
    dispatch_at = models.DateTimeField(null=True, help_text="When it is published, or published again.")
    started_at = models.DateTimeField(null=True, help_text="Start of the first attempt.")
    finished_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True, db_default="")
    error = models.TextField(blank=True, db_default="")

    # What it waits for while it is held, and how long it may.
    caused_by = models.UUIDField(null=True, help_text="The run of another job whose end started this one.")
    is_buffered = models.BooleanField(db_default=False, help_text="Held until no other run of its job goes on.")
    concurrency_key = models.CharField(max_length=KEY_LENGTH, blank=True, db_default="")
    rate_key = models.CharField(max_length=KEY_LENGTH, blank=True, db_default="")
    terms = models.CharField(
        max_length=TERMS_LENGTH, blank=True, db_default="", help_text="The same for runs that the same limits hold."
    )
    priority = models.PositiveSmallIntegerField(db_default=Priority.MEDIUM.rank)
    expires_at = models.DateTimeField(null=True, help_text="Never starts after this instant.")

    # The claim: a number that fences, and a lease.
    claim_no = models.IntegerField(db_default=0, help_text="Claims so far. Only the latest may write.")
    attempt_at = models.DateTimeField(null=True, help_text="Start of the present attempt.")
    lease_expires_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=255, blank=True, db_default="")
    n_attempts = models.PositiveIntegerField(db_default=0)
    n_lost = models.PositiveIntegerField(db_default=0, help_text="Attempts whose worker was lost.")
    n_published = models.PositiveIntegerField(db_default=0, help_text="Messages sent for the next claim.")

    class Meta:
        # Unique by job, nominal instant and origin, in each partition: `partitions.py`.
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
            # held_queries.HELD, by what they wait for
            models.Index(F("job"), F("terms"), *IN_TURN, name="run_held", condition=IS_HELD),
            models.Index(
                F("concurrency_key"),
                F("terms"),
                *IN_TURN,
                name="run_held_key",
                condition=IS_HELD & ~Q(concurrency_key=""),
            ),
            models.Index(
                F("rate_key"), F("terms"), *IN_TURN, name="run_held_rate", condition=IS_HELD & ~Q(rate_key="")
            ),
            # held_queries.COUNT_OF_KEYS
            models.Index(F("concurrency_key"), name="run_active_key", condition=IS_ACTIVE & ~Q(concurrency_key="")),
            # queries.EXPIRE and NEXT_EXPIRY
            models.Index(
                F("expires_at"),
                name="run_expires",
                condition=Q(status__in=["held", "queued"], n_attempts=0, expires_at__isnull=False),
            ),
            # queries.EXPIRED
            models.Index(F("lease_expires_at"), name="run_lease", condition=Q(status="running")),
            # queries.PRUNE
            models.Index(F("finished_at"), name="run_finished", condition=Q(finished_at__isnull=False)),
            # the API's and admin's lists, newest first: `newest.py`
            models.Index(F("status"), F("nominal_at").desc(), name="run_status"),
            models.Index(F("reason"), F("nominal_at").desc(), name="run_reason", condition=~Q(reason="")),
            # of one job
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
            # by_instant.outcomes_at and COUNT_OF_BACKFILL
            models.Index(
                F("retry_of"), F("created_at").desc(), name="run_retry_of", condition=Q(retry_of__isnull=False)
            ),
            models.Index(F("backfill_id"), F("status"), name="run_backfill", condition=Q(backfill_id__isnull=False)),
            # queries.FOLDED
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
        """From the first start to the end, waiting for retries included; None before it has ended."""
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None

    def behind_plan(self) -> timedelta | None:
        """From the instant that it was to start to the first start, where that was not the nominal instant."""
        started: datetime | None = self.started_at
        return started - self.planned_at if started and self.planned_at else None

    def late_by(self) -> timedelta | None:
        """From when it was to start, as planned or else by its nominal instant, to the first start."""
        behind = self.behind_plan()
        return self.lateness() if behind is None else behind

    def lateness(self) -> timedelta | None:
        """From the nominal instant to the first start."""
        started: datetime | None = self.started_at
        return started - self.nominal_at if started else None
