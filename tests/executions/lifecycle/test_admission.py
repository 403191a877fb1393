"""Held runs: what lets them start, in which order, and what follows when nothing does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from executions import runs
from executions.history import partitions
from executions.lifecycle import admission, held_queries, queries, transitions
from executions.models import Followup, Run, RunEvent
from executions.states import Origin, Reason
from executions.targets.base import Failed
from executions.worker import reaper
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.passes.follow_ups import follow_once
from tests.executions.history.test_partitions import most_read
from tests.factories import ECHO, HELLO, NOW, claim, end, make_job, make_run

if TYPE_CHECKING:
    from datetime import datetime

    from schedules.models import Job

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def limited(name: str = "limited", **policies: Any) -> Job:
    return make_job(name, policies=policies)


def born(job: Job, minute: int = 0, **details: Any) -> Run:
    """A run of the job under its policies, as a tick opens it."""
    at = NOW + minute * MINUTE
    new = runs.NewRun(job.scope_id, job.pk, job.spec_id, nominal_at=at, **details)
    run_id = runs.open_scheduled([runs.apply_policies(new, job.policies)], at, published=False)[0]
    return Run.objects.select_related("spec").get(pk=run_id)


def follow(at: datetime = NOW + 10 * MINUTE) -> None:
    while follow_once(at, 100).more:
        pass


def statuses(*wanted: Run) -> list[str]:
    return [Run.objects.get(pk=run.pk).status for run in wanted]


def test_a_run_under_no_limit_is_not_held_and_leaves_nothing_to_follow() -> None:
    run = born(make_job())
    assert (run.status, Followup.objects.count()) == ("queued", 0)
    end(run)
    assert Followup.objects.count() == 0


def test_as_many_start_as_the_limit_allows_and_the_next_when_one_is_over() -> None:
    job = limited(concurrency={"limit": 2})
    first, second, third, fourth = (born(job, minute) for minute in range(4))
    assert statuses(first, second, third, fourth) == ["held"] * 4
    follow()
    assert statuses(first, second, third, fourth) == ["queued", "queued", "held", "held"]
    assert Followup.objects.count() == 0
    end(second)
    follow()
    assert statuses(first, second, third, fourth) == ["queued", "succeeded", "queued", "held"]
    transitions.cancel(first.pk, NOW, actor="ann")
    follow()
    assert statuses(fourth) == ["queued"]
    assert list(RunEvent.objects.filter(run=fourth).values_list("kind", flat=True)) == ["held", "queued"]


def test_jobs_share_a_key_and_each_keeps_to_its_own_limit() -> None:
    narrow = limited("narrow", concurrency={"limit": 1, "key": "printer"})
    wide = limited("wide", concurrency={"limit": 2, "key": "printer"})
    other = limited("other", concurrency={"limit": 1, "key": "scanner"})
    made = [born(narrow), born(narrow, 1), born(wide, 2), born(wide, 3), born(other, 4)]
    follow()
    assert statuses(*made) == ["queued", "held", "queued", "held", "queued"]


def test_whatever_waits_before_it_for_something_else_what_may_start_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    shared = {"limit": 5, "key": "shared"}
    rated = limited("rated", priority="high", concurrency=shared, rate_limit={"limit": 1, "per": "1d"})
    narrow = limited("narrow", priority="high", concurrency={"limit": 1, "key": "shared"})
    busy, other = limited("busy", concurrency=shared), limited("other", concurrency=shared)
    live_runs = [born(busy, minute) for minute in range(5)]
    follow()
    before = [born(job, minute) for job in (rated, narrow) for minute in range(5)]
    waiting = [born(other, minute) for minute in range(5)]
    follow()
    assert statuses(*before, *waiting) == ["held"] * 15
    for each in live_runs[:3]:
        end(each)
        follow()
    assert statuses(*before) == ["queued", *["held"] * 9]
    assert statuses(*waiting) == [*["queued"] * 2, *["held"] * 3]


@pytest.mark.parametrize("own", [{}, {"concurrency": {"limit": 1}}])
def test_jobs_share_a_rate_and_none_waits_behind_what_a_limit_of_its_own_holds(
    own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    rate = {"limit": 1, "per": "1m", "key": "mails"}
    narrow = limited("narrow", priority="high", concurrency={"limit": 1}, rate_limit=rate)
    before = [born(narrow, minute) for minute in range(5)]
    waiting = [born(limited(name, rate_limit=rate, **own), 5) for name in ("one", "other")]
    for minute in (10, 11, 12):
        follow(NOW + minute * MINUTE)
    assert statuses(*before, *waiting) == ["queued", *["held"] * 4, "queued", "queued"]


def test_an_older_version_of_a_job_with_a_narrower_limit_keeps_no_later_run_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    job = limited("changed", concurrency={"limit": 1})
    before = [born(job, minute) for minute in range(5)]
    wider = {"name": "changed", "target": ECHO, "payload": HELLO, "policies": {"concurrency": {"limit": 2}}}
    later = born(definitions.replace(job.pk, validate(wider, NOW), NOW, actor="tests"), 5)
    follow()
    assert statuses(*before, later) == ["queued", *["held"] * 4, "queued"]


def test_more_than_one_look_takes_start_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    first = limited("first", priority="high", concurrency={"limit": 5, "key": "shared"})
    last = limited("last", concurrency={"limit": 6, "key": "shared"})
    made = [born(job, minute) for job in (first, last) for minute in range(6)]
    follow()
    assert statuses(*made) == [*["queued"] * 5, "held", "queued", *["held"] * 5]


def test_where_there_is_more_than_one_look_takes_that_alone_is_looked_at_again_behind_what_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    many, one = limited("many", concurrency={"limit": 5}), limited("one", concurrency={"limit": 1})
    made = [*(born(many, minute) for minute in range(5)), born(one), born(one, 1)]
    at = NOW + 10 * MINUTE
    follow_once(at, 100)
    assert statuses(*made) == [*["queued"] * 3, *["held"] * 2, "queued", "held"]
    assert list(Followup.objects.values_list("job_id", "due_at")) == [(many.pk, at)]
    follow()
    assert statuses(*made) == [*["queued"] * 5, "queued", "held"]


@pytest.mark.parametrize("statement", [held_queries.HELD, held_queries.COUNT_ACTIVE, queries.COUNT_LIVE])
def test_the_live_runs_of_a_job_are_found_by_it_though_the_statistics_know_of_none(statement: str) -> None:
    partitions.prepare(NOW)
    jobs = [limited(f"job {number}", overlap="buffer_all") for number in range(30)]
    one = [runs.NewRun(job.scope_id, job.pk, job.spec_id, NOW) for job in jobs]
    over = [replace(run, nominal_at=NOW - n * SECOND, reason=Reason.OVERLAP) for run in one for n in range(2, 300)]
    runs.open_scheduled(over, NOW, published=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_run")
        held = [replace(run, nominal_at=NOW + n * SECOND, is_buffered=True) for run in one for n in range(40)]
        runs.open_scheduled([replace(run, nominal_at=NOW - SECOND) for run in one] + held, NOW, published=True)
        ids = [job.pk for job in jobs]
        wanted: dict[str, Any] = {"job_id": ids, "concurrency_key": [], "rate_key": [], "now": NOW, "limit": 100}
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", wanted)
        ((plan,),) = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    assert most_read(plan[0]["Plan"]) <= 30 * 41, json.dumps(plan, indent=1)


def test_of_very_many_that_wait_for_one_thing_only_the_first_are_read() -> None:
    shared = {"limit": 1, "key": "shared"}
    job, other = limited("job", concurrency=shared), limited("other", concurrency={"limit": 2, "key": "shared"})
    one = runs.apply_policies(runs.NewRun(job.scope_id, job.pk, job.spec_id, NOW), job.policies)
    herd = [replace(one, nominal_at=NOW + timedelta(microseconds=number)) for number in range(20_000)]
    assert len(runs.open_scheduled(herd, NOW, published=False)) == len(herd)
    born(other)
    wanted: dict[str, Any] = {
        "job_id": [],
        "concurrency_key": [one.concurrency_key],
        "rate_key": [],
        "now": NOW + MINUTE,
        "limit": 100,
    }
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE executions_run")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {held_queries.HELD}", wanted)
        ((plan,),) = cursor.fetchall()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    assert plan[0]["Plan"]["Actual Rows"] == 101
    assert most_read(plan[0]["Plan"]) <= 200, json.dumps(plan, indent=1)


def test_of_what_waits_the_higher_priority_comes_first_then_the_earlier_instant() -> None:
    keyed = {"limit": 1, "key": "k"}
    running = born(limited("first", concurrency=keyed))
    follow()
    low = born(limited("low", concurrency=keyed, priority="low"), 1)
    early, late = (born(limited(f"at {minute}", concurrency=keyed), minute) for minute in (2, 3))
    critical = born(limited("critical", concurrency=keyed, priority="critical"), 4)
    order = []
    for _ in range(4):
        end(running)
        follow()
        running = Run.objects.select_related("spec").get(status="queued")
        order.append(running.pk)
    assert order == [critical.pk, early.pk, late.pk, low.pk]


def test_beyond_a_limit_that_skips_a_run_does_not_start() -> None:
    job = limited(concurrency={"limit": 1, "beyond": "skip"})
    first, second = born(job), born(job, 1)
    follow()
    second.refresh_from_db()
    assert (statuses(first), second.status, second.reason) == (["queued"], "skipped", Reason.OVER_LIMIT)


def test_a_rate_spaces_starts_and_what_waits_for_it_is_looked_at_again_just_then() -> None:
    job = limited(rate_limit={"limit": 6, "per": "1m"})
    made = [born(job, number) for number in range(3)]
    at = NOW + 10 * MINUTE
    follow(at)
    assert statuses(*made) == ["queued", "held", "held"]
    assert Followup.objects.get().due_at == at + 10 * SECOND
    follow(at + 9 * SECOND)
    assert statuses(*made) == ["queued", "held", "held"]
    follow(at + 10 * SECOND)
    assert statuses(*made) == ["queued", "queued", "held"]
    follow(at + 20 * SECOND)
    assert statuses(*made) == ["queued", "queued", "queued"]


def test_a_rate_may_skip_instead() -> None:
    job = limited(rate_limit={"limit": 1, "per": "1h", "beyond": "skip"})
    made = [born(job, number) for number in range(2)]
    follow()
    assert statuses(*made) == ["queued", "skipped"]
    assert Run.objects.get(pk=made[1].pk).reason == Reason.RATE_LIMITED


def test_runs_by_hand_and_retries_are_limited_too() -> None:
    job = limited(concurrency={"limit": 1})
    first = born(job)
    follow()
    by_hand = runs.open_requested(
        runs.NewRun(job.scope_id, job.pk, job.spec_id, NOW, Origin.MANUAL), job.policies, NOW, actor="ann"
    )
    follow()
    assert statuses(by_hand) == ["held"]
    end(first)
    first = Run.objects.select_related("spec").get(pk=first.pk)
    again = runs.retry(first, NOW + SECOND, actor="ann")
    follow()
    assert statuses(by_hand, again) == ["queued", "held"]


def test_what_may_not_start_before_an_instant_is_not_looked_at_before() -> None:
    job = limited(concurrency={"limit": 1})
    later = NOW + 20 * MINUTE
    run = born(job, available_at=later)
    follow(later - SECOND)
    assert statuses(run) == ["held"]
    follow(later)
    assert statuses(run) == ["queued"]


def test_a_run_that_waits_for_a_retry_keeps_its_place() -> None:
    job = limited(concurrency={"limit": 1})
    first, second = born(job), born(job, 1)
    follow()
    Run.objects.filter(pk=first.pk).update(status="retrying")
    reaper.reconsider(NOW + MINUTE)
    follow()
    assert statuses(second) == ["held"]


def test_what_is_held_is_reconsidered_should_its_follow_up_be_missing() -> None:
    run = born(limited(concurrency={"limit": 1}))
    Followup.objects.all().delete()
    follow()
    assert statuses(run) == ["held"]
    assert reaper.reconsider(NOW) == 1
    follow()
    assert statuses(run) == ["queued"]


def test_a_definition_of_another_version_keeps_nobody_waiting() -> None:
    keyed = {"limit": 1, "key": "k"}
    strange = born(limited("strange", concurrency=keyed))
    run = born(limited("plain", concurrency=keyed), 1)
    strange.spec.policies = {"overlap": "from the future"}
    strange.spec.save()
    follow()
    assert statuses(strange, run) == ["held", "queued"]


def test_what_nobody_began_by_its_deadline_never_starts() -> None:
    job = limited(start_deadline="1m")
    waiting, begun = born(job), born(job, 1)
    claim(begun, NOW + MINUTE)
    late = NOW + MINUTE
    assert transitions.claim([(waiting.pk, 0)], late, lease=MINUTE, worker="w") == []
    assert transitions.expire(late - SECOND, 10) == 0
    assert transitions.expire(late, 10) == 1
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason, waiting.finished_at) == ("skipped", Reason.EXPIRED, late)
    assert transitions.expire(NOW + 3 * MINUTE, 10) == 0


def test_a_retry_may_begin_after_the_start_deadline_of_its_run() -> None:
    run = born(limited(start_deadline="1m", retry={"max_retries": 1}))
    assert end(run, Failed("exception", "no luck")).status == "retrying"
    late = NOW + timedelta(days=1)
    transitions.dispatch(late, limit=10, republish_after=MINUTE)
    assert (statuses(run), transitions.expire(late, 10)) == (["queued"], 0)
    assert claim(run, late).attempt == 2


def test_the_start_deadline_of_a_run_that_starts_later_than_its_instant_counts_from_its_start() -> None:
    run = born(limited(start_deadline="1m"), available_at=NOW + 5 * MINUTE)
    assert transitions.expire(NOW + 5 * MINUTE, 10) == 0
    assert run.expires_at == NOW + 6 * MINUTE


def test_what_comes_under_a_key_that_an_admission_has_not_locked_is_left_to_its_own_follow_up() -> None:
    job = limited("job", concurrency={"limit": 5, "key": "shared"})
    rated = limited("rated", concurrency={"limit": 5, "key": "shared"}, rate_limit={"limit": 1, "per": "1d"})
    first, later = born(job), []

    def come_meanwhile(execute: Any, statement: str, *args: Any) -> Any:
        if "pg_advisory_xact_lock" in statement:
            later.append(born(rated))
        return execute(statement, *args)

    with transaction.atomic(), connection.execute_wrapper(come_meanwhile):
        admission.admit([], [first.concurrency_key], [], NOW)
    assert statuses(first, *later) == ["queued", "held"]
    follow()
    assert statuses(first, *later) == ["queued", "queued"]


def test_an_admission_of_nothing_is_nothing() -> None:
    with transaction.atomic():
        assert admission.admit([make_run().job_id], ["key:none"], [], NOW).n_decided == 0
