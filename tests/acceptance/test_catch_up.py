"""After an outage, every catch-up policy holds with three beats, of which one is killed in a pass.

The expected decisions are written here a second time, from the documentation; instants are plain additions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from executions.models import Run
from schedules.clock.compare import Decision
from schedules.clock.policies.resumption import Resumption
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.ledger import account as ledger_account
from schedules.models import Job
from schedules.pauses.terms import PauseTerms
from schedules.triggers import pause, resume
from tests.acceptance.processes import BEATS
from tests.chaos.planned_jobs import PlannedJob
from tests.chaos.promises import faults_of_attempts, faults_of_calls, is_over
from tests.waiting import wait_for, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.acceptance.processes import Processes
    from tests.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, GRACE = timedelta(seconds=1), timedelta(seconds=5)
# Small passes: each job needs several to catch up, and every beat takes part.
SMALL = {"MAINSPRING_CHUNK_SIZE": "3", "MAINSPRING_TICK_LIMIT": "10"}
UP, OUTAGE, AFTERWARDS = 4 * SECOND, 13 * SECOND, 5 * SECOND


@dataclass(frozen=True)
class Group:
    """Equal jobs, and the reasons with which their occurrences are skipped."""

    n_jobs: int
    every: int  # seconds
    mode: str
    reasons: str  # of occurrences that do not start, separated by spaces
    max_age: int = 3600
    max_runs: int = 1000
    pace: float = 1
    ends_in_outage: bool = False
    chosen: Resumption | None = None  # which occurrences during a pause start; None: the jobs are never paused


GROUPS = {
    "skip": Group(40, 2, "skip", "missed"),
    "first": Group(20, 2, "first", "coalesced"),
    "first of the young": Group(20, 1, "first", "missed coalesced", max_age=9),
    "last is on time": Group(20, 2, "last", "coalesced"),
    "last was missed": Group(20, 1, "last", "coalesced", ends_in_outage=True),
    "all": Group(20, 2, "all", ""),
    "latest": Group(20, 2, "all", "missed", max_runs=2, pace=1.5),
    "paused throughout": Group(6, 2, "all", "paused", chosen=Resumption.NONE),
    "resumed in the outage": Group(6, 1, "first", "coalesced", chosen=Resumption.ALL),
    "pause ends by itself in the outage": Group(6, 2, "all", "paused", chosen=Resumption.LAST),
}


@dataclass
class Case:
    """A job and its pause: (paused_at, resumed_at]."""

    group: Group
    job: PlannedJob
    paused_at: datetime | None = None
    resumed_at: datetime | None = None

    def expected(self, found_at: dict[datetime, datetime]) -> dict[datetime, str]:
        """Map each occurrence to its expected reason, empty if it starts. `found_at` is when a beat recorded it."""
        instants, group, reasons, first_has_run = list(self.job.instants()), self.group, {}, False
        for at in instants:
            age, reason = found_at[at] - at, ""
            if self.paused_at and self.resumed_at and self.paused_at < at <= self.resumed_at:
                is_last = at + self.job.every > self.resumed_at
                is_chosen = group.chosen is Resumption.ALL or (group.chosen is Resumption.LAST and is_last)
                reason = "" if is_chosen else "paused"
            elif age <= GRACE:
                first_has_run = False
            elif age > group.max_age * SECOND or group.mode == "skip":
                reason = "missed"
            elif group.mode == "first":
                reason, first_has_run = "coalesced" if first_has_run else "", True
            elif group.mode == "last":
                reason = "coalesced" if any(at < later <= found_at[at] for later in instants) else ""
            else:
                missed_later = [later for later in instants if at < later < found_at[at] - GRACE]
                reason = "missed" if len(missed_later) >= group.max_runs else ""
            reasons[at] = reason
        return reasons


def make_jobs(first_at: datetime, url: str) -> list[Case]:
    cases, now = [], datetime.now(UTC)
    with transaction.atomic():
        for name, group in GROUPS.items():
            every = group.every * SECOND
            catch_up = {"mode": group.mode, "max_age": group.max_age}
            if group.mode != "skip":
                catch_up |= {"max_runs": group.max_runs, "pace": group.pace}
            for number in range(group.n_jobs):
                at = first_at + every * number / group.n_jobs
                end = first_at + UP + (OUTAGE / 3 if group.ends_in_outage else OUTAGE + AFTERWARDS)
                definition = {
                    "name": f"{name} {number}",
                    "schedule": {"every": group.every, "anchor_at": f"{at}", "start_at": f"{at}", "end_at": f"{end}"},
                    "target": {"kind": "http", "method": "POST", "url": url},
                    "policies": {"overlap": "allow", "catch_up": catch_up},
                }
                job = definitions.create(validate(definition, now), now, actor="tests")
                cases.append(Case(group, PlannedJob(job.pk, True, at, every, end)))
    return cases


def pause_all(cases: list[Case], ends_at: datetime) -> None:
    """Pause the jobs of groups with a pause: one group until `ends_at`, the others until they are resumed."""
    for case in cases:
        if case.group.chosen is not None:
            case.paused_at = datetime.now(UTC)
            case.resumed_at = ends_at if case.group is GROUPS["pause ends by itself in the outage"] else None
            pause(
                case.job.id,
                case.paused_at,
                actor="tests",
                terms=PauseTerms(
                    until=case.resumed_at, catch_up=case.group.chosen if case.resumed_at else Resumption.NONE
                ),
            )


def resume_all(cases: list[Case], name: str) -> None:
    for case in cases:
        if case.group is GROUPS[name] and case.group.chosen is not None:
            case.resumed_at = datetime.now(UTC)
            resume(case.job.id, case.resumed_at, actor="tests", catch_up=case.group.chosen)


def occurrences(run: Run, every: timedelta) -> Iterator[datetime]:
    """Yield the occurrences of one row. A pass may record several skipped occurrences in one row."""
    assert run.nominal_at + every * (run.n_occurrences - 1) == (run.last_nominal_at or run.nominal_at)
    yield from (run.nominal_at + every * n for n in range(run.n_occurrences))


def check(case: Case) -> set[str]:
    """Compare a job's rows with the expected ones; return the reasons that occur."""
    job, runs = case.job, list(Run.objects.filter(job_id=case.job.id).order_by("nominal_at"))
    recorded = [(at, run) for run in runs for at in occurrences(run, job.every)]
    assert Counter(at for at, _ in recorded) == Counter(job.instants()), "one row for each occurrence"
    expected = case.expected({at: run.created_at for at, run in recorded})
    assert {at: run.reason for at, run in recorded} == expected, case
    account = ledger_account.explain(job.id, job.first_at - SECOND, job.end_at, datetime.now(UTC), limit=1000)
    assert account.counts == Counter(Decision.SKIPPED if reason else Decision.STARTED for reason in expected.values())
    started = [run for run in runs if not run.reason]
    assert {run.status for run in started} <= {"succeeded"}
    planned = [run.planned_at or run.created_at for run in started if run.created_at - run.nominal_at > GRACE]
    assert all(later - earlier >= case.group.pace * SECOND for earlier, later in pairwise(planned)), planned
    assert all(run.started_at and run.started_at >= run.planned_at for run in started if run.planned_at)
    return set(expected.values())


@pytest.mark.alone
def test_each_catch_up_policy_holds_among_beats_of_which_one_is_killed_in_a_pass(
    processes: Processes, receiver: Receiver
) -> None:
    processes.start("worker-http", "worker-http#2")
    running = processes.with_environment(**SMALL)
    try:
        running.start(*BEATS)
        first_at = datetime.now(UTC) + 4 * SECOND
        cases = make_jobs(first_at, receiver.url("/hook"))
        wait_for(first_at + UP / 2)
        pause_all(cases, ends_at=datetime.now(UTC) + UP / 2 + OUTAGE / 4)
        wait_for(first_at + UP)
        running.kill_all()
        killed_at = datetime.now(UTC)
        wait_for(killed_at + OUTAGE / 4)
        resume_all(cases, "resumed in the outage")
        with transaction.atomic():
            list(Job.objects.select_for_update().values_list("pk"))  # all three start their first pass when this ends
            running.start("beat#4", "beat#5", "beat#6")
            wait_for(killed_at + OUTAGE)
        back_at = datetime.now(UTC)
        wait_until(lambda: Run.objects.filter(created_at__gt=back_at).exists(), what="the first runs that catch up")
        running.kill_in_a_pass()
        running.start("beat#7")
        resume_all(cases, "paused throughout")
        wait_until(is_over, 60, what="the end of all jobs and runs")
    finally:
        running.kill_all()
    found = {(group, reason) for group, reasons in [(case.group, check(case)) for case in cases] for reason in reasons}
    assert found == {(group, reason) for group in GROUPS.values() for reason in ("", *group.reasons.split())}
    called = faults_of_calls([case.job for case in cases], receiver.requests)
    assert not [*faults_of_attempts(), *called]
