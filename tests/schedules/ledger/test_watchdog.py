"""Proves that the watchdog reports each stoppage once and repairs what is safe. The tests break rows on purpose."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as configured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from executions.models import Run, RunEvent
from executions.states import Origin
from schedules.jobs.definitions import delete
from schedules.ledger import stoppages, watchdog
from schedules.ledger.watchdog import Watched, watch_once
from schedules.models import BeatLease, Job, JobState, ScheduleSpan, Stoppage, Why
from schedules.tasks import watch
from schedules.tick import tick
from schedules.triggers import pause, resume
from tests.factories import EVERY_MINUTE, NOW, make_job, make_run
from tests.schedules.ledger.jobs import ALLOW, change

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

NONSENSE = {"kind": "cron", "cron": "nonsense"}


def after(**delta: float) -> datetime:
    return NOW + timedelta(**delta)


def run_until(minute: int, start: int = 1) -> None:
    for each in range(start, minute + 1):
        while tick(after(minutes=each), 100).n_jobs:
            pass


def watched(now: datetime, limit: int = 100) -> Watched:
    """Do a pass while a beat holds its lease."""
    BeatLease.objects.update_or_create(name="periodic_tasks", defaults={"holder": "b", "expires_at": after(days=9)})
    return watch_once(now, limit)


def reported() -> list[tuple[str, str]]:
    """Return the reported stoppages as (why, minute of the run whose event reports it)."""
    events = RunEvent.objects.filter(kind="schedule_stopped").select_related("run").order_by("id")
    return [(event.reason, f"{event.run.nominal_at:%H:%M}") for event in events]


def why() -> list[str]:
    return list(Stoppage.objects.filter(raised_at__isnull=False).values_list("why", flat=True))


@pytest.fixture
def job() -> Job:
    """A job that ran each of three minutes."""
    made = make_job(policies=ALLOW)
    run_until(3)
    return made


def test_a_healthy_job_is_compared_and_nothing_is_reported(job: Job) -> None:
    assert watched(after(minutes=3, seconds=5)) == Watched(n_compared=1, n_raised=0, n_repaired=0, n_over=0)
    assert not Stoppage.objects.exists()


def test_a_job_without_a_next_instant_is_reported_and_repaired(job: Job) -> None:
    Job.objects.update(next_run_at=None)
    counts = watched(after(minutes=5, seconds=10))
    assert (counts.n_raised, counts.n_repaired) == (1, 1)
    assert reported() == [("no_next", "12:05")], "due occurrences were recorded, and the latest run has the event"
    job.refresh_from_db()
    assert job.next_run_at == after(minutes=6)
    assert list(Run.objects.order_by("nominal_at").values_list("nominal_at", flat=True)) == [
        after(minutes=m) for m in range(1, 6)
    ]
    watched(after(minutes=6, seconds=10))
    assert len(reported()) == 1


def test_a_job_without_a_next_instant_that_never_ran_is_repaired_too() -> None:
    make_job()
    Job.objects.update(next_run_at=None)
    watched(after(minutes=1, seconds=30))
    assert reported() == [("no_next", "12:01")]


def test_a_job_whose_schedule_names_nothing_more_ends_without_a_report() -> None:
    make_job(schedule={"every": "1m", "max_runs": 1}, policies=ALLOW)
    run_until(1)
    Job.objects.update(state="active", next_run_at=None)
    assert watched(after(minutes=5)).n_raised == 0
    assert (Job.objects.get().state, reported()) == (JobState.ENDED, [])


def test_a_job_that_starts_only_by_hand_is_never_reported() -> None:
    make_job(schedule={"kind": "none"})
    assert watched(after(minutes=5)).n_raised == 0
    assert not Stoppage.objects.exists()


def test_a_job_that_is_pushed_back_is_reported_once_until_it_is_repaired(job: Job) -> None:
    Job.objects.update(schedule=NONSENSE)
    for minute in range(4, 10):
        tick(after(minutes=minute), 100)
        watched(after(minutes=minute, seconds=30))
    assert reported() == [("pushed_back", "12:03")]
    assert Stoppage.objects.get().raised_at == after(minutes=6, seconds=30)
    Job.objects.update(schedule=job.schedule)
    run_until(11, 10)
    watched(after(minutes=11, seconds=30))
    assert Stoppage.objects.get(why=Why.PUSHED_BACK).over_at == after(minutes=11, seconds=30)
    assert len(reported()) == 1
    Job.objects.update(schedule=NONSENSE)
    for minute in range(12, 16):
        tick(after(minutes=minute), 100)
        watched(after(minutes=minute, seconds=30))
    assert [reason for reason, _ in reported()] == ["pushed_back"] * 2, "another stoppage is reported again"


def test_a_job_that_was_pushed_back_once_is_not_reported(job: Job) -> None:
    Job.objects.update(schedule=NONSENSE)
    tick(after(minutes=4), 100)
    Job.objects.update(schedule=job.schedule)
    run_until(8, 5)
    watched(after(minutes=8, seconds=30))
    assert reported() == []


def test_the_stoppage_of_a_job_that_never_ran_is_noted_on_its_first_run() -> None:
    job = make_job(schedule={"at": after(minutes=1).isoformat()})
    Job.objects.update(schedule=NONSENSE)
    with capture_logs() as logs:
        for minute in range(1, 6):
            tick(after(minutes=minute), 100)
            watched(after(minutes=minute, seconds=30))
    assert [line["why"] for line in logs if line["event"] == stoppages.EVENT] == why() == ["pushed_back"]
    assert (Run.objects.count(), reported()) == (0, [])
    Job.objects.update(schedule=job.schedule)
    run_until(6, 6)
    make_run(job, after(minutes=6, seconds=5), origin=Origin.MANUAL)
    for second in (10, 20):
        watched(after(minutes=6, seconds=second))
    assert [(run.status, run.reason) for run in Run.objects.filter(origin="schedule")] == [("queued", "")]
    assert reported() == [("pushed_back", "12:01")]
    assert RunEvent.objects.get(kind="schedule_stopped").at == Stoppage.objects.get().raised_at


def test_an_overdue_job_is_reported_while_beats_are_running(job: Job) -> None:
    for minute in range(5, 10):
        watched(after(minutes=minute, seconds=59))
    assert reported() == [("overdue", "12:03")]
    run_until(10, 10)
    watched(after(minutes=10, seconds=1))
    assert Stoppage.objects.get().over_at == after(minutes=10, seconds=1)


def test_an_overdue_job_is_not_reported_while_no_beat_is_running(job: Job) -> None:
    for minute in range(5, 10):
        watch_once(after(minutes=minute, seconds=59), 100)
    assert reported() == []


def test_a_job_that_is_catching_up_is_not_reported_however_far_behind(job: Job) -> None:
    for minute in range(60, 70):
        watched(after(minutes=minute))
        Job.objects.update(mark_at=after(minutes=minute - 50), next_run_at=after(minutes=minute - 49))
    assert ("overdue", "12:03") not in reported()


def test_a_locked_job_is_reported_and_repaired_by_a_later_pass(job: Job) -> None:
    Job.objects.update(next_run_at=None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("schedules.queries.LOCK_JOB_IF_FREE", "SELECT 1 WHERE %(id)s::uuid IS NULL")
        assert watched(after(minutes=4, seconds=10)).n_repaired == 0
    assert reported() == [("no_next", "12:03")]
    assert watched(after(minutes=5, seconds=10)).n_repaired == 1
    assert len(reported()) == 1


def test_a_gap_is_reported_once_and_is_over_when_it_is_backfilled(job: Job) -> None:
    Run.objects.filter(nominal_at=after(minutes=2)).delete()
    for minute in range(4, 8):
        run_until(minute, minute)
        watched(after(minutes=minute, seconds=5))
    assert reported() == [("gaps", "12:04")]
    assert Run.objects.filter(nominal_at=after(minutes=2)).count() == 0
    kept = Stoppage.objects.get()
    assert (kept.stood_at, kept.over_at) == (after(minutes=2), None)
    make_run(job, after(minutes=2), origin=Origin.BACKFILL)
    watched(after(minutes=7, seconds=30))
    assert Stoppage.objects.get().over_at is not None


def test_occurrences_of_a_folded_row_from_before_the_window_are_no_gaps() -> None:
    make_job(schedule={"every": "1s"}, policies={"catch_up": {"mode": "skip"}})
    while tick(after(hours=3), 100).n_jobs:
        pass
    watched(after(hours=3))
    assert why() == []


def test_a_mark_ahead_of_the_clock_is_set_back_to_the_last_row(job: Job) -> None:
    Job.objects.update(mark_at=after(hours=5), next_run_at=after(hours=5, minutes=1))
    watched(after(minutes=3, seconds=10))
    assert reported() == [("mark_ahead", "12:03")]
    job.refresh_from_db()
    assert job.next_run_at == after(minutes=4)
    run_until(5, 4)
    assert Run.objects.count() == 5
    watched(after(minutes=5, seconds=10))
    assert [Why(w) for w in why()] == [Why.MARK_AHEAD]


def test_a_mark_ahead_is_not_reported_if_every_instant_has_a_row(job: Job) -> None:
    run_until(20, 4)
    watched(after(minutes=4, seconds=10))
    assert reported() == []
    job.refresh_from_db()
    assert job.mark_at == after(minutes=20)


def test_a_mark_ahead_that_is_not_set_back_in_time_becomes_a_gap(job: Job) -> None:
    Job.objects.update(mark_at=after(minutes=6), next_run_at=after(minutes=7))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("schedules.queries.LOCK_JOB_IF_FREE", "SELECT 1 WHERE %(id)s::uuid IS NULL")
        watched(after(minutes=3, seconds=10))
        watched(after(minutes=4, seconds=10))
    job.refresh_from_db()
    assert job.mark_at == after(minutes=6)
    assert set(why()) == {"mark_ahead", "gaps"}
    assert Stoppage.objects.filter(stood_at=after(minutes=4), why=Why.MARK_AHEAD, over_at=None).count() == 0


def test_only_one_of_two_passes_reports_a_stoppage(job: Job) -> None:
    stoppage = Stoppage.objects.create(job_id=job.pk, why=Why.NO_NEXT, found_at=NOW, stood_at=NOW)
    results = [stoppages._report(stoppage, job, after(minutes=4)) for _ in range(2)]
    assert results == [True, False]
    assert len(reported()) == 1


def test_paused_and_deleted_jobs_are_not_reported(job: Job) -> None:
    other = make_job("other")
    Job.objects.update(schedule=NONSENSE)
    tick(after(minutes=4), 100)
    Job.objects.filter(pk=job.pk).update(state="paused")
    delete(other.pk, after(minutes=4, seconds=1), actor="tests")
    watched(after(minutes=8))
    assert (reported(), Stoppage.objects.filter(over_at=None).count()) == ([], 0)


def test_a_round_continues_after_the_last_pass_and_compares_every_job() -> None:
    jobs = [make_job(f"job {n}", policies=ALLOW) for n in range(5)]
    run_until(2)
    Run.objects.filter(nominal_at=after(minutes=2)).delete()
    n_compared = [watched(after(minutes=2, seconds=n), limit=2).n_compared for n in range(3)]
    assert n_compared == [2, 2, 1]
    assert set(Stoppage.objects.values_list("job_id", flat=True)) == {job.pk for job in jobs}
    assert watched(after(minutes=2, seconds=4), limit=2).n_compared == 2, "a new round begins"


def test_a_pass_stops_at_its_limit_of_instants_and_the_next_one_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "MAX_INSTANTS_PER_PASS", 5)
    for number in range(4):
        make_job(f"job {number}", policies=ALLOW)
    run_until(4)
    assert [watched(after(minutes=4, seconds=n)).n_compared for n in range(2)] == [2, 2]


def test_the_number_of_queries_of_a_pass_does_not_depend_on_the_jobs() -> None:
    def queries(now: datetime) -> int:
        with CaptureQueriesContext(connection) as captured:
            watched(now)
        return len(captured)

    make_job("first", policies=ALLOW)
    run_until(2)
    watched(after(minutes=2))
    few = queries(after(minutes=2, seconds=1))
    for number in range(30):
        make_job(f"job {number}", now=after(minutes=2), policies=ALLOW)
    run_until(4, 3)
    assert queries(after(minutes=4)) == few


def test_an_unreadable_job_does_not_keep_others_from_being_compared(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_job("other", policies=ALLOW)
    run_until(4, 4)
    Run.objects.filter(nominal_at=after(minutes=4), job=other).delete()
    Job.objects.filter(pk=job.pk).update(schedule=[])
    ScheduleSpan.objects.filter(job_id=job.pk).update(schedule=[])
    with capture_logs() as logs:
        watched(after(minutes=4, seconds=1))
    assert [Stoppage.objects.get().job_id, why()] == [other.pk, ["gaps"]]
    assert [line["why"] for line in logs if line["event"] == stoppages.EVENT] == ["gaps"]


def test_old_spans_and_stoppages_are_pruned_with_the_history(job: Job) -> None:
    change(job, {"cron": "30 * * * *"}, after(minutes=4))
    Job.objects.update(next_run_at=None)
    watched(after(minutes=5))
    assert (ScheduleSpan.objects.count(), Stoppage.objects.count()) == (2, 1)
    assert watchdog.prune_once(after(minutes=5), 10) == 0
    watchdog.prune_once(after(minutes=6) + configured.MAINSPRING.retention, 10)
    assert (ScheduleSpan.objects.get().until_at, Stoppage.objects.count()) == (None, 0)


def test_the_celery_task_returns_the_counts_of_a_pass(job: Job) -> None:
    counts = watch()
    assert counts is not None and counts["n_compared"] == 1


def test_no_gap_is_reported_after_a_pause(job: Job) -> None:
    pause(job.pk, after(minutes=3, seconds=30), actor="tests")
    watched(after(minutes=6))
    resume(job.pk, after(minutes=6, seconds=30), actor="tests")
    run_until(8, 7)
    watched(after(minutes=8, seconds=1))
    assert why() == []
    change(job, EVERY_MINUTE | {"end_at": "2030-01-01T00:00:00Z"}, after(minutes=8, seconds=2))
    run_until(9, 9)
    watched(after(minutes=9, seconds=1))
    assert why() == []
