"""Proves which held runs start, in which order, and that follow-ups start the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from executions import runs
from executions.lifecycle import admission, held_queries, queries, transitions
from executions.models import Followup, Run, RunEvent
from executions.states import Origin, Reason
from executions.targets.base import Failed
from executions.worker import reaper
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.passes.follow_ups import follow_once
from tests.executions.lifecycle.held_runs import created, limited, statuses
from tests.executions.prepared_days import prepare
from tests.executions.query_plans import most_read
from tests.factories import ECHO, HELLO, NOW, claim, end, make_job, make_run

if TYPE_CHECKING:
    from datetime import datetime


pytestmark = [pytest.mark.long, pytest.mark.django_db]

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def follow(at: datetime = NOW + 10 * MINUTE) -> None:
    while follow_once(at, 100).n_followups:
        pass


def test_a_run_without_limits_is_not_held_and_leaves_no_follow_up() -> None:
    run = created(make_job())
    assert (run.status, Followup.objects.count()) == ("queued", 0)
    end(run)
    assert Followup.objects.count() == 0


def test_a_concurrency_limit_starts_the_next_run_when_one_ends() -> None:
    job = limited(concurrency={"limit": 2})
    first, second, third, fourth = (created(job, minute) for minute in range(4))
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


def test_jobs_that_share_a_key_each_keep_their_own_limit() -> None:
    narrow = limited("narrow", concurrency={"limit": 1, "key": "printer"})
    wide = limited("wide", concurrency={"limit": 2, "key": "printer"})
    other = limited("other", concurrency={"limit": 1, "key": "scanner"})
    made = [created(narrow), created(narrow, 1), created(wide, 2), created(wide, 3), created(other, 4)]
    follow()
    assert statuses(*made) == ["queued", "held", "queued", "held", "queued"]


def test_a_run_that_may_start_passes_runs_that_wait_for_other_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    shared = {"limit": 5, "key": "shared"}
    rated = limited("rated", priority="high", concurrency=shared, rate_limit={"limit": 1, "per": "1d"})
    narrow = limited("narrow", priority="high", concurrency={"limit": 1, "key": "shared"})
    busy, other = limited("busy", concurrency=shared), limited("other", concurrency=shared)
    live_runs = [created(busy, minute) for minute in range(5)]
    follow()
    before = [created(job, minute) for job in (rated, narrow) for minute in range(5)]
    waiting = [created(other, minute) for minute in range(5)]
    follow()
    assert statuses(*before, *waiting) == ["held"] * 15
    for each in live_runs[:3]:
        end(each)
        follow()
    assert statuses(*before) == ["queued", *["held"] * 9]
    assert statuses(*waiting) == [*["queued"] * 2, *["held"] * 3]


@pytest.mark.parametrize("own", [{}, {"concurrency": {"limit": 1}}])
def test_jobs_that_share_a_rate_pass_a_job_held_by_its_own_limit(
    own: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    rate = {"limit": 1, "per": "1m", "key": "mails"}
    narrow = limited("narrow", priority="high", concurrency={"limit": 1}, rate_limit=rate)
    before = [created(narrow, minute) for minute in range(5)]
    waiting = [created(limited(name, rate_limit=rate, **own), 5) for name in ("one", "other")]
    for minute in (10, 11, 12):
        follow(NOW + minute * MINUTE)
    assert statuses(*before, *waiting) == ["queued", *["held"] * 4, "queued", "queued"]


def test_runs_of_an_older_stricter_version_do_not_hold_up_newer_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    job = limited("changed", concurrency={"limit": 1})
    before = [created(job, minute) for minute in range(5)]
    wider = {"name": "changed", "target": ECHO, "payload": HELLO, "policies": {"concurrency": {"limit": 2}}}
    later = created(definitions.replace(job.pk, validate(wider, NOW), NOW, actor="tests"), 5)
    follow()
    assert statuses(*before, later) == ["queued", *["held"] * 4, "queued"]


def test_more_runs_than_one_admission_reads_start_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    first = limited("first", priority="high", concurrency={"limit": 5, "key": "shared"})
    last = limited("last", concurrency={"limit": 6, "key": "shared"})
    made = [created(job, minute) for job in (first, last) for minute in range(6)]
    follow()
    assert statuses(*made) == [*["queued"] * 5, "held", "queued", *["held"] * 5]


def test_a_partly_handled_follow_up_goes_to_the_back_of_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 3)
    many, one = limited("many", concurrency={"limit": 5}), limited("one", concurrency={"limit": 1})
    made = [*(created(many, minute) for minute in range(5)), created(one), created(one, 1)]
    at = NOW + 10 * MINUTE
    follow_once(at, 100)
    assert statuses(*made) == [*["queued"] * 3, *["held"] * 2, "queued", "held"]
    assert list(Followup.objects.values_list("job_id", "due_at")) == [(many.pk, at)]
    follow()
    assert statuses(*made) == [*["queued"] * 5, "queued", "held"]


@pytest.mark.parametrize("statement", [held_queries.HELD, held_queries.COUNT_ACTIVE, queries.COUNT_LIVE])
def test_live_runs_are_found_by_index_before_they_are_analysed(statement: str) -> None:
    prepare(NOW)
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


def test_an_admission_reads_only_the_first_of_many_held_runs() -> None:
    shared = {"limit": 1, "key": "shared"}
    job, other = limited("job", concurrency=shared), limited("other", concurrency={"limit": 2, "key": "shared"})
    one = runs.apply_policies(runs.NewRun(job.scope_id, job.pk, job.spec_id, NOW), job.policies)
    many = [replace(one, nominal_at=NOW + timedelta(microseconds=number)) for number in range(20_000)]
    assert len(runs.open_scheduled(many, NOW, published=False)) == len(many)
    created(other)
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


def test_higher_priority_starts_first_then_the_earlier_instant() -> None:
    keyed = {"limit": 1, "key": "k"}
    running = created(limited("first", concurrency=keyed))
    follow()
    low = created(limited("low", concurrency=keyed, priority="low"), 1)
    early, late = (created(limited(f"at {minute}", concurrency=keyed), minute) for minute in (2, 3))
    critical = created(limited("critical", concurrency=keyed, priority="critical"), 4)
    order = []
    for _ in range(4):
        end(running)
        follow()
        running = Run.objects.select_related("spec").get(status="queued")
        order.append(running.pk)
    assert order == [critical.pk, early.pk, late.pk, low.pk]


def test_a_concurrency_limit_can_skip_runs() -> None:
    job = limited(concurrency={"limit": 1, "beyond": "skip"})
    first, second = created(job), created(job, 1)
    follow()
    second.refresh_from_db()
    assert (statuses(first), second.status, second.reason) == (["queued"], "skipped", Reason.OVER_LIMIT)


def test_a_rate_limit_spaces_starts_and_rechecks_at_the_next_one() -> None:
    job = limited(rate_limit={"limit": 6, "per": "1m"})
    made = [created(job, number) for number in range(3)]
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


def test_a_rate_limit_can_skip_runs() -> None:
    job = limited(rate_limit={"limit": 1, "per": "1h", "beyond": "skip"})
    made = [created(job, number) for number in range(2)]
    follow()
    assert statuses(*made) == ["queued", "skipped"]
    assert Run.objects.get(pk=made[1].pk).reason == Reason.RATE_LIMITED


def test_manual_runs_and_retries_obey_limits() -> None:
    job = limited(concurrency={"limit": 1})
    first = created(job)
    follow()
    manual = runs.open_requested(
        runs.NewRun(job.scope_id, job.pk, job.spec_id, NOW, Origin.MANUAL), job.policies, NOW, actor="ann"
    )
    follow()
    assert statuses(manual) == ["held"]
    end(first)
    first = Run.objects.select_related("spec").get(pk=first.pk)
    again = runs.retry(first, NOW + SECOND, actor="ann")
    follow()
    assert statuses(manual, again) == ["queued", "held"]


def test_a_held_run_does_not_start_before_it_is_available() -> None:
    job = limited(concurrency={"limit": 1})
    later = NOW + 20 * MINUTE
    run = created(job, available_at=later)
    follow(later - SECOND)
    assert statuses(run) == ["held"]
    follow(later)
    assert statuses(run) == ["queued"]


def test_a_run_that_waits_for_a_retry_counts_as_active() -> None:
    job = limited(concurrency={"limit": 1})
    first, second = created(job), created(job, 1)
    follow()
    Run.objects.filter(pk=first.pk).update(status="retrying")
    reaper.recheck_held(NOW + MINUTE)
    follow()
    assert statuses(second) == ["held"]


def test_held_runs_are_rechecked_if_their_follow_up_is_missing() -> None:
    run = created(limited(concurrency={"limit": 1}))
    Followup.objects.all().delete()
    follow()
    assert statuses(run) == ["held"]
    assert reaper.recheck_held(NOW) == 1
    follow()
    assert statuses(run) == ["queued"]


def test_a_held_run_with_unreadable_policies_delays_no_other() -> None:
    keyed = {"limit": 1, "key": "k"}
    strange = created(limited("strange", concurrency=keyed))
    run = created(limited("plain", concurrency=keyed), 1)
    strange.spec.policies = {"overlap": "from the future"}
    strange.spec.save()
    follow()
    assert statuses(strange, run) == ["held", "queued"]


def test_a_run_that_did_not_start_before_its_deadline_is_skipped() -> None:
    job = limited(start_deadline="1m")
    waiting, started = created(job), created(job, 1)
    claim(started, NOW + MINUTE)
    late = NOW + MINUTE
    assert transitions.claim([(waiting.pk, 0)], late, lease=MINUTE, worker="w") == []
    assert transitions.expire(late - SECOND, 10) == 0
    assert transitions.expire(late, 10) == 1
    waiting.refresh_from_db()
    assert (waiting.status, waiting.reason, waiting.finished_at) == ("skipped", Reason.EXPIRED, late)
    assert transitions.expire(NOW + 3 * MINUTE, 10) == 0


def test_a_retry_may_start_after_the_start_deadline_of_its_run() -> None:
    run = created(limited(start_deadline="1m", retry={"max_retries": 1}))
    assert end(run, Failed("exception", "no luck")).status == "retrying"
    late = NOW + timedelta(days=1)
    transitions.dispatch(late, limit=10, republish_after=MINUTE)
    assert (statuses(run), transitions.expire(late, 10)) == (["queued"], 0)
    assert claim(run, late).attempt == 2


def test_the_start_deadline_of_a_delayed_run_counts_from_its_planned_start() -> None:
    run = created(limited(start_deadline="1m"), available_at=NOW + 5 * MINUTE)
    assert transitions.expire(NOW + 5 * MINUTE, 10) == 0
    assert run.expires_at == NOW + 6 * MINUTE


def test_a_run_that_appears_with_an_unlocked_key_is_left_to_its_follow_up() -> None:
    job = limited("job", concurrency={"limit": 5, "key": "shared"})
    rated = limited("rated", concurrency={"limit": 5, "key": "shared"}, rate_limit={"limit": 1, "per": "1d"})
    first, later = created(job), []

    def create_meanwhile(execute: Any, statement: str, *args: Any) -> Any:
        if "pg_advisory_xact_lock" in statement:
            later.append(created(rated))
        return execute(statement, *args)

    with transaction.atomic(), connection.execute_wrapper(create_meanwhile):
        admission.admit([], [first.concurrency_key], [], NOW)
    assert statuses(first, *later) == ["queued", "held"]
    follow()
    assert statuses(first, *later) == ["queued", "queued"]


def test_an_admission_without_held_runs_decides_nothing() -> None:
    with transaction.atomic():
        assert admission.admit([make_run().job_id], ["key:none"], [], NOW).n_decided == 0
