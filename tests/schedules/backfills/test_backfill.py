"""Proves which instants a backfill runs, under which limits, and that a killed step is repeated."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.dispatch import dispatch_once
from executions.lifecycle import transitions
from executions.models import Run, RunSpec, Watch
from executions.policies.overlap import Overlap
from executions.states import Origin, Reason, RunStatus
from executions.targets.base import Failed
from schedules import queries, triggers
from schedules.backfills import backfill
from schedules.backfills.backfill import preview, start, step_once
from schedules.backfills.expected import expected_instants
from schedules.backfills.requests import MAX_RUNS, BackfillRequest
from schedules.clock.policies.resumption import Resumption
from schedules.exceptions import InvalidDefinition, JobConflict
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.models import Backfill, BackfillMode, BackfillState, Job
from schedules.passes.follow_ups import follow_once
from schedules.passes.timed import do_timed_work
from schedules.tick import tick
from tests.factories import ECHO, NOW, end, make_job, make_run

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
ALL, FAILED, MISSING, GAPS = BackfillMode
LATER = NOW + timedelta(hours=1)


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def job_with(**policies: Any) -> Job:
    """A job that runs each minute, with no rows: each test creates its own history."""
    job = make_job(policies={"overlap": "allow", "retry": {"max_retries": 0}, **policies})
    Job.objects.filter(pk=job.pk).update(mark_at=LATER, next_run_at=LATER + MINUTE)
    job.refresh_from_db()
    return job


def job_with_mixed_history() -> Job:
    """Minute 1 succeeded, 2 failed, 3 was cancelled, 4 skipped, 5 has no row."""
    job = job_with()
    end(make_run(job, at(1)))
    end(make_run(job, at(2)), Failed("x", "x"))
    transitions.cancel(make_run(job, at(3)).pk, at(3), actor="ann")
    make_run(job, at(4), reason=Reason.OVERLAP)
    return job


def begin(job: Job, last: float = 5, **wanted: Any) -> Backfill:
    return start(job.pk, BackfillRequest(at(0), at(last), **wanted), LATER, actor="ann")


def do_steps(now: datetime = LATER, n: int = 20) -> None:
    for _ in range(n):
        step_once(now)


def opened(backfill: Backfill | None = None) -> list[tuple[float, str]]:
    found = Run.objects.filter(backfill_id=backfill.pk) if backfill else Run.objects.exclude(backfill_id=None)
    return [
        ((run.nominal_at - NOW) / MINUTE, f"{run.status} {run.reason}".strip()) for run in found.order_by("nominal_at")
    ]


def minutes(of: Iterable[tuple[float, str]]) -> list[float]:
    return [minute for minute, _ in of]


def finish(now: datetime = LATER) -> int:
    """End all queued runs with success; return how many there were."""
    dispatch_once(now, 1000)
    queued = list(Run.objects.filter(status=RunStatus.QUEUED))
    for run in queued:
        end(run, now=now)
    return len(queued)


@pytest.mark.parametrize(
    ("mode", "expected"), [(ALL, [1, 2, 3, 4, 5]), (FAILED, [2, 3]), (MISSING, [4, 5]), (GAPS, [5])]
)
def test_each_mode_selects_its_instants_and_the_preview_counts_them(mode: BackfillMode, expected: list[int]) -> None:
    job = job_with_mixed_history()
    found = preview(job, BackfillRequest(at(0), at(5), mode), LATER)
    assert (found.n_instants, found.n_would_start, found.n_passed_over) == (
        5,
        len(expected),
        5 - len(expected),
    )
    assert (found.first_at, found.last_at) == (at(expected[0]), at(expected[-1]))
    assert not Run.objects.exclude(backfill_id=None).exists()
    made = begin(job, mode=mode, overlap="allow")
    do_steps()
    assert minutes(opened(made)) == expected
    assert set(Run.objects.exclude(backfill_id=None).values_list("origin", "retry_of")) == {(Origin.BACKFILL, None)}
    made.refresh_from_db()
    assert (made.state, made.n_opened, made.n_passed_over) == (BackfillState.DONE, len(expected), 5 - len(expected))


def test_the_latest_retry_of_an_instant_decides_whether_it_failed() -> None:
    job = job_with_mixed_history()
    failed = Run.objects.get(nominal_at=at(2))
    end(make_run(job, at(30), origin=Origin.RETRY, retry_of=failed.pk))
    begin(job, mode=FAILED)
    do_steps()
    assert minutes(opened()) == [3]


def test_occurrences_of_a_folded_row_are_missing_but_no_gaps() -> None:
    job = job_with()
    make_run(job, at(1), reason=Reason.MISSED, last_nominal_at=at(3), n_occurrences=3)
    assert preview(job, BackfillRequest(at(0), at(4), GAPS), LATER).n_would_start == 1
    assert preview(job, BackfillRequest(at(0), at(4), MISSING), LATER).n_would_start == 4


@pytest.mark.parametrize(("mode", "n"), [(GAPS, 0), (MISSING, 0), (ALL, 5)])
def test_occurrences_of_a_pause_that_lasts_are_neither_gaps_nor_missing(mode: BackfillMode, n: int) -> None:
    job = make_job()
    triggers.pause(job.pk, at(0), actor="ann")
    job.refresh_from_db()
    assert preview(job, BackfillRequest(at(0), at(5), mode), LATER).n_would_start == n


def test_occurrences_of_a_pause_run_once_whether_backfilled_or_resumed_first() -> None:
    job = make_job(policies={"overlap": "allow"})
    triggers.pause(job.pk, at(0), actor="ann")
    start(job.pk, BackfillRequest(at(0), at(3), MISSING), at(4), actor="ann")
    do_steps(at(4))
    triggers.resume(job.pk, at(4), actor="ann", catch_up=Resumption.ALL)
    tick(at(4), 10)
    start(job.pk, BackfillRequest(at(0), at(3), MISSING), at(4), actor="ann")
    do_steps(at(4))
    runs = Run.objects.order_by("nominal_at").values_list("nominal_at", "origin", "reason")
    assert list(runs) == [(at(minute), Origin.SCHEDULE, "") for minute in (1, 2, 3, 4)]


def test_by_default_backfilled_runs_start_one_after_the_other() -> None:
    job = job_with(start_deadline="10s")
    begin(job, last=3)
    do_steps()
    assert opened() == [(1, "queued"), (2, "held"), (3, "held")]
    assert set(Run.objects.values_list("expires_at", flat=True)) == {None}
    for minute in (1, 2, 3):
        assert finish() == 1
        follow_once(LATER, 100)
        assert [what for m, what in opened() if m <= minute] == ["succeeded"] * minute


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("allow", ["queued"] * 3),
        ("skip", ["queued", "skipped overlap", "skipped overlap"]),
        ("buffer_one", ["queued", "held", "skipped overlap"]),
    ],
)
def test_the_overlap_of_the_backfill_replaces_that_of_the_job(overlap: str, expected: list[str]) -> None:
    begin(job_with(), last=3, overlap=overlap)
    do_steps()
    assert [what for _, what in opened()] == expected


def test_the_concurrency_limit_of_the_job_applies_to_backfilled_runs() -> None:
    begin(job_with(concurrency={"limit": 2}), last=4, overlap="allow")
    do_steps()
    follow_once(LATER, 100)
    assert sorted(what for _, what in opened()) == ["held", "held", "queued", "queued"]


def test_more_runs_are_opened_once_few_live_runs_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_LIVE_RUNS", 4)
    monkeypatch.setattr(backfill, "REFILL_AT", 2)
    made = begin(job_with(), last=10, overlap="allow")
    do_steps()
    assert minutes(opened()) == [1, 2, 3, 4]
    for run in Run.objects.order_by("nominal_at")[:1]:
        end(run, now=LATER)
    follow_once(LATER, 100)
    do_steps()
    assert len(opened()) == 4, "three runs are still live"
    while finish():
        follow_once(LATER, 100)
        do_steps()
    assert opened(made) == [(n, "succeeded") for n in range(1, 11)]
    made.refresh_from_db()
    assert (made.state, made.due_at) == (BackfillState.DONE, None)
    assert not Watch.objects.exists()


def test_runs_are_opened_one_pace_apart() -> None:
    begin(job_with(), last=3, pace=timedelta(seconds=10), overlap="allow")
    for second in (0, 1, 10, 15, 20, 30):
        step_once(LATER + timedelta(seconds=second))
    assert [run.created_at for run in Run.objects.order_by("nominal_at")] == [
        LATER + timedelta(seconds=second) for second in (0, 10, 20)
    ]
    assert Backfill.objects.get().state == BackfillState.DONE


def test_max_runs_limits_the_runs_of_a_backfill() -> None:
    made = begin(job_with(), max_runs=2)
    assert preview(Job.objects.get(), BackfillRequest(at(0), at(5), max_runs=2), LATER).n_would_start == 2
    do_steps()
    assert minutes(opened(made)) == [1, 2]
    assert Backfill.objects.get().state == BackfillState.DONE


def test_a_second_backfill_of_an_instant_retries_the_run_of_the_first() -> None:
    job = job_with()
    begin(job, last=2, overlap="allow")
    do_steps()
    finish()
    again = begin(job, last=2, overlap="allow")
    do_steps()
    runs = list(Run.objects.filter(backfill_id=again.pk).order_by("nominal_at"))
    first = list(Run.objects.filter(origin=Origin.BACKFILL).order_by("nominal_at").values_list("pk", flat=True))
    assert [(run.origin, run.retry_of) for run in runs] == [(Origin.RETRY, pk) for pk in first]
    claims = transitions.claim([(run.pk, 0) for run in runs], LATER, lease=MINUTE, worker="w")
    assert sorted(claim.nominal_at for claim in claims) == [at(1), at(2)], (
        "the target gets the instant of the occurrence"
    )


def test_two_backfills_do_not_open_the_same_instant_while_it_is_live() -> None:
    job = job_with()
    begin(job, last=2)
    begin(job, last=2)
    do_steps()
    assert minutes(opened()) == [1, 2]


def test_a_step_that_is_killed_is_repeated_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    begin(job_with(), last=3)

    def die(*args: Any, **kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Backfill, "save", die)
        with pytest.raises(SystemExit):
            step_once(LATER)
    assert (Run.objects.count(), Backfill.objects.get().n_opened) == (0, 0)
    do_steps()
    assert minutes(opened()) == [1, 2, 3]


def test_a_backfill_whose_step_fails_is_pushed_back_and_delays_no_other() -> None:
    broken, sound = job_with(), job_with()
    begin(broken, last=1)
    begin(sound, last=1)
    RunSpec.objects.filter(job_id=broken.pk).update(policies={"overlap": "of another version"})
    do_timed_work(LATER, 100)
    assert set(Run.objects.values_list("job_id", flat=True)) == {sound.pk}
    assert queries.next_at().timed == LATER + MINUTE


def test_cancelling_a_backfill_cancels_its_waiting_runs_and_opens_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_LIVE_RUNS", 3)
    made = begin(job_with(), last=9)
    do_steps()
    end(Run.objects.get(nominal_at=at(1)), now=LATER)
    cancelled = backfill.cancel(made.pk, LATER, actor="ben")
    do_steps()
    assert opened() == [(1, "succeeded"), (2, "cancelled"), (3, "cancelled")]
    assert (cancelled.state, cancelled.finished_at) == (BackfillState.CANCELLED, LATER)
    with pytest.raises(JobConflict):
        backfill.cancel(made.pk, LATER, actor="ben")


def test_the_backfill_of_a_deleted_job_is_cancelled() -> None:
    job = job_with()
    made = begin(job)
    definitions.delete(job.pk, LATER, actor="ann")
    do_steps()
    made.refresh_from_db()
    assert (made.state, Run.objects.count()) == (BackfillState.CANCELLED, 0)


def test_a_job_needs_follow_ups_while_it_is_backfilled() -> None:
    job = job_with()
    begin(job)
    definitions.replace(
        job.pk, validate({"name": "x", "target": ECHO, "schedule": job.schedule}, NOW), LATER, actor="x"
    )
    assert Watch.objects.filter(job_id=job.pk).exists()


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("until", BackfillRequest(at(0), LATER + MINUTE)),
        ("after", BackfillRequest(at(5), at(5))),
        ("after", BackfillRequest(NOW - timedelta(days=30), at(5), GAPS)),
        ("pace", BackfillRequest(at(0), at(5), pace=timedelta(0))),
        ("overlap", BackfillRequest(at(0), at(5), overlap=Overlap.TERMINATE_OTHER)),
        ("max_runs", BackfillRequest(at(0), at(5), max_runs=0)),
        ("max_runs", BackfillRequest(at(0), at(5), max_runs=MAX_RUNS + 1)),
    ],
)
def test_an_invalid_request_is_refused_with_the_name_of_the_field(field: str, wanted: BackfillRequest) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        start(job_with().pk, wanted, LATER, actor="ann")
    assert list(refusal.value.errors) == [field]


def test_the_start_that_an_error_offers_is_still_accepted_minutes_later() -> None:
    job = job_with()
    with pytest.raises(InvalidDefinition) as refusal:
        preview(job, BackfillRequest(NOW - timedelta(days=30), at(5), GAPS), LATER)
    (offered,) = re.findall(r"give (\S+) or", refusal.value.errors["after"][0])

    preview(job, BackfillRequest(datetime.fromisoformat(offered), at(5), GAPS), LATER + 10 * MINUTE)


def test_a_job_without_a_schedule_has_nothing_to_backfill() -> None:
    with pytest.raises(JobConflict, match="has no instants to backfill"):
        begin(make_job(schedule={"kind": "none"}))


def test_a_job_that_loses_its_schedule_during_the_count_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job, count = make_job(), backfill._count

    def count_slowly(*asked: Any) -> int:
        n = count(*asked)
        by_hand = validate({"name": "x", "target": ECHO, "schedule": {"kind": "none"}}, NOW)
        definitions.replace(job.pk, by_hand, LATER, actor="ben")
        return n

    monkeypatch.setattr(backfill, "_count", count_slowly)
    with pytest.raises(JobConflict, match="has no instants to backfill"):
        begin(job)
    assert not Backfill.objects.exists()


def test_an_occurrence_due_as_a_backfill_begins_is_recorded_by_the_tick() -> None:
    job = make_job()
    start(job.pk, BackfillRequest(at(0), at(1)), at(1), actor="ann")
    do_steps(at(1))
    assert list(Run.objects.values_list("nominal_at", "origin")) == [(at(1), Origin.SCHEDULE)]


def test_each_instant_follows_the_schedule_that_the_job_had_then() -> None:
    job = make_job(schedule={"cron": "*/2 * * * *"})
    changed = validate({"name": "x", "target": ECHO, "schedule": {"cron": "*/5 * * * *"}}, NOW)
    definitions.replace(job.pk, changed, at(9), actor="ann")
    job.refresh_from_db()
    named = list(expected_instants(job, at(-4), at(20)))
    assert named == [at(minute) for minute in (-2, 0, 2, 4, 6, 8, 10, 15, 20)]


@pytest.mark.parametrize(("mode", "n"), [(MISSING, 5), (GAPS, 5), (ALL, 8)])
def test_no_instant_from_before_the_job_existed_is_missing(mode: BackfillMode, n: int) -> None:
    job = job_with()
    found = preview(job, BackfillRequest(at(-3), at(5), mode), LATER)
    assert (found.n_instants, found.n_would_start) == (8, n)


def test_the_limit_of_counted_instants_is_shared_by_the_specs_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "MAX_INSTANTS_COUNTED", 20)
    job = make_job(schedule={"specs": [{"cron": "* * * * *"}, {"cron": "*/2 * * * *"}]})
    wanted = BackfillRequest(at(-60), at(0))
    assert preview(job, wanted, NOW).n_instants == 10
    assert start(job.pk, wanted, NOW, actor="ann").n_instants == 10


def test_a_long_range_is_counted_and_opened_up_to_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backfill, "MAX_INSTANTS_COUNTED", 2000)
    job = make_job(schedule={"every": "1s", "anchor_at": "2026-01-01T00:00:00Z"})
    wanted = BackfillRequest(NOW - timedelta(days=20), NOW)
    found = preview(job, wanted, NOW)
    assert (found.is_more, found.n_would_start) == (True, 2000)
    start(job.pk, wanted, NOW, actor="ann")
    do_timed_work(NOW, 100)
    assert Run.objects.count() == backfill.MAX_LIVE_RUNS
