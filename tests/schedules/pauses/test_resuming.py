"""Proves how pauses end, by hand or when they expire, and which occurrences during a pause start then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext

from executions.models import Run, RunSpec, Watch
from executions.targets.base import Failed
from schedules import queries, triggers
from schedules.clock.policies.resumption import MAX_COUNTED, Resumption
from schedules.exceptions import JobConflict
from schedules.models import Job, JobState
from schedules.passes.follow_ups import follow_once
from schedules.passes.timed import do_timed_work
from schedules.pauses.resuming import ResumePreview, end_expired, preview
from schedules.pauses.terms import PauseTerms
from schedules.tick import tick
from tests.factories import NOW, end, make_job

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def paused(policies: dict[str, Any] | None = None, schedule: dict[str, Any] | None = None, **terms: Any) -> Job:
    """A job that runs each minute, paused at 12:00:30."""
    job = make_job(schedule=schedule, policies=policies or {"overlap": "allow"})
    return triggers.pause(job.pk, at(0.5), actor="ann", terms=PauseTerms(**terms))


def rows() -> list[tuple[float, str]]:
    """Return each occurrence as (minute, status and reason), oldest first."""
    found = Run.objects.order_by("nominal_at")
    return [((run.nominal_at - NOW) / MINUTE, f"{run.status} {run.reason}".strip()) for run in found]


def test_a_pause_stores_its_actor_reason_end_and_catch_up() -> None:
    job = paused(reason="a move", until=at(9), catch_up=Resumption.LAST)
    assert (job.paused_by, job.pause_reason, job.paused_until_at, job.pause_catch_up) == (
        "ann",
        "a move",
        at(9),
        "last",
    )
    again = triggers.pause(job.pk, at(2), actor="ben", terms=PauseTerms(reason="a longer move"))
    assert (again.paused_by, again.paused_until_at, again.paused_at) == ("ben", None, at(0.5))
    resumed = triggers.resume(job.pk, at(3), actor="ann")
    assert (resumed.paused_by, resumed.pause_reason, resumed.paused_until_at, resumed.pause_catch_up) == (
        "",
        "",
        None,
        "none",
    )


def test_a_pause_ends_by_itself_when_it_expires_and_not_before() -> None:
    job = paused(until=at(2.5))
    assert queries.next_at().timed == at(2.5)
    assert do_timed_work(at(2.4), 100) == 0
    assert do_timed_work(at(2.5), 100) == 1
    tick(at(3), 100)
    assert rows() == [(1, "skipped paused"), (2, "skipped paused"), (3, "queued")]
    job.refresh_from_db()
    assert (job.state, job.paused_until_at) == (JobState.ACTIVE, None)
    assert queries.next_at().timed == queries.NEVER


def test_an_occurrence_after_the_end_of_a_pause_is_not_paused_even_if_found_late() -> None:
    paused({"overlap": "allow", "catch_up": {"mode": "all"}}, until=at(1.5))
    do_timed_work(at(3.5), 100)
    tick(at(3.5), 100)
    assert rows() == [(1, "skipped paused"), (2, "queued"), (3, "queued")]


def test_a_pause_that_expires_starts_what_its_catch_up_says() -> None:
    paused(until=at(3.5), catch_up=Resumption.LAST)
    do_timed_work(at(3.5), 100)
    tick(at(3.5), 100)
    assert rows() == [(1, "skipped paused"), (2, "skipped paused"), (3, "queued")]


def test_the_end_of_an_earlier_pause_does_not_resume_a_job_paused_for_longer() -> None:
    job = paused(until=at(2))
    triggers.resume(job.pk, at(1), actor="ann")
    triggers.pause(job.pk, at(1), actor="ann", terms=PauseTerms(until=at(5)))
    assert do_timed_work(at(3), 100) == 0
    assert Job.objects.get().state == JobState.PAUSED


def test_a_pass_ends_pauses_up_to_its_limit_and_the_next_pass_the_others() -> None:
    for number in range(3):
        triggers.pause(make_job(f"job {number}").pk, NOW, actor="ann", terms=PauseTerms(until=at(1)))
    assert [do_timed_work(at(1), 2) for _ in range(3)] == [2, 1, 0]


def test_a_job_whose_pause_cannot_be_ended_does_not_keep_the_others_paused() -> None:
    job, other = paused(until=at(1)), make_job("other")
    triggers.pause(other.pk, at(0.5), actor="ann", terms=PauseTerms(until=at(1)))
    Job.objects.filter(pk=job.pk).update(schedule={"kind": "of another version"})
    assert do_timed_work(at(1), 100) == 2
    assert list(Job.objects.order_by("name").values_list("state", "paused_until_at")) == [
        (JobState.PAUSED, at(2)),
        (JobState.ACTIVE, None),
    ]


@pytest.mark.parametrize(
    ("mode", "most", "expected"),
    [
        (Resumption.NONE, 100, []),
        (Resumption.FIRST, 100, [1]),
        (Resumption.LAST, 100, [4]),
        (Resumption.ALL, 100, [1, 2, 3, 4]),
        (Resumption.ALL, 2, [3, 4]),
    ],
)
def test_resuming_a_job_starts_what_the_preview_said(mode: Resumption, most: int, expected: list[int]) -> None:
    job = paused()
    previewed = preview(job, at(4.5), mode, most)
    assert (previewed.n_occurrences, previewed.n_would_start) == (4, len(expected))
    assert (previewed.first_at, previewed.last_at) == (
        (at(expected[0]), at(expected[-1])) if expected else (None, None)
    )
    triggers.resume(job.pk, at(4.5), actor="ann", catch_up=mode, max_runs=most)
    tick(at(5), 100)
    assert rows() == [(n, "queued" if n in [*expected, 5] else "skipped paused") for n in range(1, 6)]
    assert set(Run.objects.values_list("origin", flat=True)) == {"schedule"}


def test_a_preview_changes_nothing() -> None:
    job = paused()
    preview(job, at(4.5), Resumption.ALL)
    assert (Run.objects.count(), Job.objects.get().state) == (0, JobState.PAUSED)


def test_max_runs_of_the_schedule_limits_what_starts_after_a_pause() -> None:
    job = paused(schedule={"cron": "* * * * *", "max_runs": 2})
    assert preview(job, at(4.5), Resumption.ALL) == ResumePreview(4, 2, at(1), at(2))
    triggers.resume(job.pk, at(4.5), actor="ann", catch_up=Resumption.ALL)
    tick(at(4.5), 100)
    assert [minute for minute, what in rows() if what == "queued"] == [1, 2]


def test_a_preview_counts_occurrences_up_to_a_limit() -> None:
    job = paused(schedule={"every": "1s"})
    previewed = preview(job, NOW + timedelta(days=20), Resumption.LAST)
    assert (previewed.is_more, previewed.n_occurrences, previewed.n_would_start) == (True, MAX_COUNTED + 1, 1)
    assert previewed.first_at == NOW + timedelta(days=20)


def test_the_same_occurrences_start_however_many_passes_the_rows_take(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    job = paused()
    triggers.resume(job.pk, at(10.5), actor="ann", catch_up=Resumption.ALL, max_runs=4)
    for _ in range(4):
        tick(at(10.5), 100)
    assert [minute for minute, what in rows() if what == "queued"] == [7, 8, 9, 10]
    assert Run.objects.filter(reason="paused").aggregate(n=Sum("n_occurrences"))["n"] == 6


def test_runs_chosen_after_a_pause_start_one_after_the_other() -> None:
    job = paused({"overlap": "skip", "start_deadline": "30s"})
    triggers.resume(job.pk, at(2.5), actor="ann", catch_up=Resumption.ALL)
    tick(at(2.5), 100)
    assert rows() == [(1, "queued"), (2, "held")]
    assert set(Run.objects.values_list("expires_at", flat=True)) == {None}, (
        "no start deadline: they are late on purpose"
    )
    assert Watch.objects.filter(job_id=job.pk).exists()
    end(Run.objects.get(nominal_at=at(1)), now=at(2.6))
    follow_once(at(2.6), 100)
    assert rows() == [(1, "succeeded"), (2, "queued")]


def test_runs_chosen_after_a_pause_get_follow_ups_even_with_unreadable_policies() -> None:
    job = paused(until=at(2.5), catch_up=Resumption.ALL)
    assert not Watch.objects.filter(job_id=job.pk).exists()
    RunSpec.objects.filter(job_id=job.pk).update(policies=["of another version"])
    do_timed_work(at(2.5), 100)
    assert Job.objects.get().state == JobState.ACTIVE
    assert Watch.objects.filter(job_id=job.pk).exists()


def test_a_later_pause_does_not_change_what_an_earlier_one_started() -> None:
    job = paused()
    triggers.resume(job.pk, at(2.5), actor="ann", catch_up=Resumption.ALL)
    triggers.pause(job.pk, at(2.6), actor="ann")
    triggers.resume(job.pk, at(4.5), actor="ann")
    tick(at(4.5), 100)
    assert rows() == [(1, "queued"), (2, "queued"), (3, "skipped paused"), (4, "skipped paused")]


def test_only_a_paused_job_can_be_resumed_or_previewed() -> None:
    job = make_job()
    for act in (lambda: preview(job, NOW, Resumption.ALL), lambda: triggers.resume(job.pk, NOW, actor="ann")):
        with pytest.raises(JobConflict, match="not paused"):
            act()


def test_a_pause_after_failures_has_no_actor_and_no_end() -> None:
    make_job(policies={"pause_after_failures": 1, "retry": {"max_retries": 0}})
    tick(at(1), 100)
    end(Run.objects.get(), Failed("x", "x"), now=at(1))
    follow_once(at(1), 100)
    job = Job.objects.get()
    assert (job.state, job.paused_by, job.paused_until_at) == (JobState.PAUSED, "", None)


def test_the_end_of_many_pauses_is_written_in_a_fixed_number_of_statements() -> None:
    def n_statements(n_jobs: int) -> int:
        for _ in range(n_jobs):
            paused({"overlap": "skip"}, until=at(5), catch_up=Resumption.ALL)
        with CaptureQueriesContext(connection) as captured:
            assert end_expired(at(6), 100) == n_jobs
        assert Watch.objects.count() == Job.objects.count()
        return len(captured)

    assert n_statements(1) == n_statements(5)
