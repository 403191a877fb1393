"""Job: a named definition in a scope, with the state of its clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import F, Q

from access.search import has_part
from schedules.clock.due import next_due
from schedules.clock.policies.resumption import Resumption
from schedules.clock.policies.start_times import jittered
from schedules.clock.rule_change import find_rules
from schedules.clock.spec import UNPREDICTABLE_KINDS, Kind, to_json
from schedules.models.zone_data import MAX_ZONE_DATA_LENGTH
from schedules.stored import read_clock, read_policies, read_schedule
from values.ids import new_id
from values.readable import reasons_by_part, value_or_none, value_or_raise

if TYPE_CHECKING:
    from datetime import datetime

    from executions.runs import Run
    from schedules.clock.rule_change import Clock, Rules
    from schedules.clock.spec import ScheduleSpec
    from schedules.policies import JobPolicies
    from values.readable import Unreadable


MAX_JOB_KEY_LENGTH = MAX_JOB_NAME_LENGTH = MAX_PAUSE_REASON_LENGTH = 255  # characters
MAX_JOB_DESCRIPTION_LENGTH = 10_000  # characters: several pages; a list of jobs loads all descriptions


class JobState(models.TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    ENDED = "ended", "Ended"  # the schedule has no further instant, or has reached `max_runs`


# Active jobs without a next instant, although their kind of schedule always has one: no beat will handle them.
LOST_JOBS = Q(state=JobState.ACTIVE, next_run_at__isnull=True)
for _kind in UNPREDICTABLE_KINDS:
    LOST_JOBS &= ~Q(schedule__kind=_kind.value)


# True for every job, since no job refers to a superseded definition. But the indexes of the definitions are partial:
# PostgreSQL uses them only for queries with this condition.
HAS_PRESENT_SPEC = Q(spec__superseded_at=None)


def jobs_named(term: str) -> Q:
    """Return the filter for jobs whose name contains `term`, ignoring case.

    A term of one or two characters must be the start of the name.
    """
    return has_part("spec__job_name", term)


class Job(models.Model):
    """A job. `spec` is the current version of its definition, with target, payload and policies.

    `mark_at` and the fields below it are the job's clock. They are written only under the row lock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # A tick changes the indexed `next_run_at`, so PostgreSQL writes to every index of the table: keep the indexes few.
    # Queries by name or target use the specs, which never change. Only jobs with a key have an entry in job_key.
    scope = models.ForeignKey("access.Scope", on_delete=models.PROTECT, db_index=False)
    key = models.CharField(
        max_length=MAX_JOB_KEY_LENGTH,
        null=True,
        editable=False,
        help_text="The key under which a caller registered the job.",
    )
    name = models.CharField(max_length=MAX_JOB_NAME_LENGTH)
    description = models.TextField(blank=True, max_length=MAX_JOB_DESCRIPTION_LENGTH)
    spec = models.ForeignKey("executions.RunSpec", on_delete=models.PROTECT, related_name="+")
    schedule = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    state = models.CharField(max_length=6, choices=JobState, default=JobState.ACTIVE)
    pause_reason = models.CharField(max_length=MAX_PAUSE_REASON_LENGTH, blank=True)
    paused_at = models.DateTimeField(null=True, help_text="Start of the latest pause; kept after the pause.")
    paused_by = models.CharField(
        max_length=150,
        blank=True,
        db_default="",
        help_text="Who paused the job; empty: nobody, or Mainspring after failures.",
    )
    paused_until_at = models.DateTimeField(null=True, help_text="When the pause expires; empty: never.")
    pause_catch_up = models.CharField(
        max_length=5, choices=[(r, r.capitalize()) for r in Resumption], db_default=Resumption.NONE
    )
    pause_set_id = models.UUIDField(null=True, help_text="The pause set that paused the job.")
    # Occurrences in (`mark_at`, `resumed_at`] will be recorded as paused, except those in
    # [`catch_up_from_at`, `catch_up_until_at`].
    resumed_at = models.DateTimeField(
        null=True, help_text="When the last pause ended, or when the schedule was replaced during the pause."
    )
    catch_up_from_at = models.DateTimeField(
        null=True,
        help_text="The first occurrence that the catch-up of the latest pause starts; empty: none.",
    )
    catch_up_until_at = models.DateTimeField(
        null=True,
        help_text="The last occurrence that the catch-up of the latest pause starts; empty: none.",
    )

    mark_at = models.DateTimeField(help_text="High-water mark: occurrences up to this instant have been handled.")
    # If a job made a tick fail and was pushed back, `next_run_at` is the time of the next try.
    next_run_at = models.DateTimeField(null=True, help_text="The next nominal instant; empty: none.")
    n_scheduled = models.PositiveIntegerField(
        default=0, help_text="Number of occurrences that this schedule has started. `max_runs` limits this number."
    )

    caught_up_at = models.DateTimeField(
        null=True,
        help_text="The latest start time that catch-up gave to a missed occurrence. The next missed occurrence starts "
        "one pace later.",
    )
    catch_up_begun = models.BooleanField(
        db_default=False,
        help_text="Whether catch-up has selected a run for an outage, and the next pass will handle more occurrences "
        "of this outage.",
    )

    zone_data = models.CharField(
        max_length=MAX_ZONE_DATA_LENGTH,
        db_default="",
        help_text="The version of the time zone data by which the instants up to the mark were named.",
    )
    holds = models.JSONField(
        null=True,
        help_text="After a change of the time zone data: for each schedule the instant up to which it is held, because "
        "its local times up to then have been handled under the old rules; empty: none is held.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["scope", "key"], name="job_key", condition=Q(key__isnull=False))
        ]
        indexes: ClassVar = [
            # for the queries DUE and NEXT_DUE
            models.Index(
                F("next_run_at"), F("id"), name="job_due", condition=Q(state="active", next_run_at__isnull=False)
            ),
            # for the queries LOCK_EXPIRED_PAUSES and NEXT_PAUSE_END
            models.Index(
                F("paused_until_at"),
                F("id"),
                name="job_pause_end",
                condition=Q(state="paused", paused_until_at__isnull=False),
            ),
            # for the jobs of a pause set
            models.Index(F("pause_set_id"), F("id"), name="job_pause_set", condition=Q(pause_set_id__isnull=False)),
            # for the watchdog's search for LOST_JOBS
            models.Index(F("id"), name="job_lost", condition=LOST_JOBS),
            # for the lists of jobs in the API and the admin, filtered by state or by kind
            models.Index(F("state"), F("id").desc(), name="job_state"),
            models.Index(F("schedule__kind"), F("id").desc(), name="job_kind"),
        ]
        ordering: ClassVar = ["-id"]

    if TYPE_CHECKING:
        runs: models.Manager[Run]

    _built_schedule: tuple[Any, ScheduleSpec] | None = None

    def __str__(self) -> str:
        return self.name

    def set_schedule(self, spec: ScheduleSpec) -> None:
        """Set `schedule` to the JSON of `spec`. Also cache `spec`: `readable_schedule` then need not parse the JSON."""
        self.schedule = to_json(spec)
        self._built_schedule = self.schedule, spec

    @property
    def readable_schedule(self) -> ScheduleSpec | Unreadable:
        if self._built_schedule and self._built_schedule[0] is self.schedule:
            return self._built_schedule[1]
        return read_schedule(json.dumps(self.schedule))

    @property
    def known_schedule(self) -> ScheduleSpec | None:
        """The schedule, or None if it cannot be read."""
        return value_or_none(self.readable_schedule)

    @property
    def readable_policies(self) -> JobPolicies | Unreadable:
        return read_policies(json.dumps(self.spec.policies))

    @property
    def schedule_spec(self) -> ScheduleSpec:
        """The schedule. Raises CannotRead if the schedule cannot be read."""
        return value_or_raise(self.readable_schedule)

    @property
    def clock(self) -> Clock:
        """The version of the time zone data by which the job's instants are computed, and its holds."""
        return read_clock(self.zone_data, self.holds and json.dumps(self.holds))

    @property
    def clock_spec(self) -> ScheduleSpec:
        """The schedule that names the job's instants, for calculation only. Raises CannotRead."""
        return self.clock.applied_to(self.schedule_spec)

    def rules_at(self, version: str | None, now: datetime) -> Rules:
        """Return the rules that a tick at `now` follows if `version` is in force. Raises CannotRead."""
        return find_rules(self.schedule_spec, self.clock, version, self.mark_at, now)

    @property
    def policies(self) -> JobPolicies:
        """The policies. Raises CannotRead if the policies cannot be read."""
        return value_or_raise(self.readable_policies)

    @property
    def unreadable(self) -> dict[str, str]:
        """Map each unreadable part (`schedule`, `target` or `policies`) to the reason."""
        return reasons_by_part(self.readable_schedule, self.spec.readable_target, self.readable_policies)

    @property
    def is_readable(self) -> bool:
        """Whether this version of Mainspring can read the schedule and the policies.

        The job's clock needs only the schedule and the policies.
        """
        return not reasons_by_part(self.readable_schedule, self.readable_policies)

    @property
    def next_fire_at(self) -> datetime | None:
        """The next nominal instant, not counting instants that were due during a pause.

        None if there is no such instant, or if the job is paused, ended or unreadable.
        """
        if self.state != JobState.ACTIVE or not self.is_readable:
            return None
        if self.next_run_at and self.resumed_at and self.next_run_at <= self.resumed_at:
            # Instants up to `resumed_at` were due during a pause: the next tick records them as paused.
            return next_due(self.clock_spec, self.resumed_at)
        return self.next_run_at

    @property
    def next_start_at(self) -> datetime | None:
        """The planned start of the next scheduled run: `next_fire_at`, delayed by the job's jitter."""
        at = self.next_fire_at
        return at and jittered(self.clock_spec, self.pk, at, self.policies.jitter)

    @property
    def waits_for_run(self) -> bool:
        """Whether the job is active and its next instant depends on the end of a live run (a delay schedule)."""
        spec = self.known_schedule
        return self.state == JobState.ACTIVE and self.next_run_at is None and bool(spec and spec.kind is Kind.DELAY)
