"""Proves which chains a definition may have, and which jobs start when runs of other jobs have ended."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from executions import runs
from executions.lifecycle import admission, transitions
from executions.models import Followup, Run, Watch
from executions.states import Origin
from executions.targets.base import Failed
from schedules import triggers
from schedules.exceptions import InvalidDefinition
from schedules.jobs import chains, definitions
from schedules.jobs.validation import validate
from schedules.models import Chain, Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, HELLO, NOW, claim, end, make_job, make_run
from tests.poison import cure, poison

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
BY_HAND = {"kind": "none"}


def chained(*sources: Job, on: str = "success", name: str = "chained", **definition: Any) -> Job:
    """Create a job that starts after these jobs and has no schedule."""
    links = [{"job": str(source.pk), "on": on} for source in sources]
    return make_job(name, BY_HAND, start_after=links, **definition)


def source(name: str = "source", **policies: Any) -> Job:
    return make_job(name, BY_HAND, policies={"retry": {"max_retries": 0}, **policies})


def change(job: Job, now: datetime = NOW, **definition: Any) -> Job:
    data = {"name": job.name, "target": ECHO, "payload": HELLO, "schedule": job.schedule, **definition}
    return definitions.replace(job.pk, validate(data, now, job), now, actor="ann")


def follow(now: datetime = NOW + MINUTE) -> None:
    while follow_once(now, 100).n_followups:
        pass


def started(job: Job) -> list[str]:
    found = Run.objects.filter(job=job).order_by("nominal_at")
    return [f"{run.origin} {run.status} {run.reason}".strip() for run in found]


@pytest.mark.parametrize(
    ("on", "starting"),
    [
        ("success", {"succeeded"}),
        ("failure", {"failed"}),
        ("completion", {"succeeded", "failed", "cancelled"}),
    ],
)
def test_a_job_starts_after_the_ends_that_it_names(on: str, starting: set[str]) -> None:
    first = source()
    chained_job = chained(first, on=on)
    for minute, status in enumerate(("succeeded", "failed", "cancelled")):
        run = make_run(first, NOW + minute * MINUTE)
        if status == "cancelled":
            transitions.cancel(run.pk, run.nominal_at, actor="ann")
        else:
            end(run, Failed("x", "x") if status == "failed" else None)
        follow(NOW + 10 * MINUTE)
        assert len(started(chained_job)) == (status in starting), status
        Run.objects.filter(job=chained_job).delete()


def test_a_chained_run_has_its_cause_and_the_end_of_that_run_as_its_instant() -> None:
    first = source()
    chained_job = chained(first)
    ended = end(make_run(first))
    follow()
    run = Run.objects.get(job=chained_job)
    assert (run.origin, run.status, run.caused_by) == (Origin.CHAIN, "queued", ended.pk)
    assert run.nominal_at == ended.finished_at
    assert run.dispatch_at is not None


def test_a_chain_of_three_jobs_runs_to_its_end() -> None:
    first = source()
    second = chained(first, name="second")
    third = chained(second, name="third")
    end(make_run(first))
    for job in (second, third):
        follow()
        end(Run.objects.select_related("spec").get(job=job))
    follow()
    assert [started(job) for job in (first, second, third)] == [
        ["schedule succeeded"],
        ["chain succeeded"],
        ["chain succeeded"],
    ]
    assert not Followup.objects.exists()


@pytest.mark.long
def test_runs_that_ended_at_one_instant_start_runs_with_different_instants() -> None:
    first = source()
    chained_job = chained(first, policies={"overlap": "allow"})
    at = NOW + MINUTE
    for number in range(100):
        end(make_run(first, NOW + number * timedelta(milliseconds=1)), now=at)
    follow(at)
    assert Run.objects.filter(job=chained_job).values("caused_by").distinct().count() == 100
    assert Run.objects.filter(job=chained_job).values("nominal_at").distinct().count() == 100
    later = end(make_run(first, NOW - MINUTE), now=at)
    follow(at)
    assert Run.objects.get(caused_by=later.pk).nominal_at == at + 100 * runs.MICROSECOND


@pytest.mark.parametrize("origin", [Origin.MANUAL, Origin.RETRY, Origin.CHAIN, Origin.SCHEDULE])
def test_runs_of_every_origin_start_chained_jobs(origin: Origin) -> None:
    first = source()
    chained_job = chained(first)
    end(make_run(first, origin=origin))
    follow()
    assert len(started(chained_job)) == 1


def test_a_pass_killed_after_opening_runs_starts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first = source()
    chained_job = chained(first)
    end(make_run(first))

    def die(*args: object) -> None:
        assert Run.objects.filter(job=chained_job).exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "delete_followups", die)
        follow_once(NOW + MINUTE, 100)
    assert (started(chained_job), Followup.objects.count()) == ([], 1)
    follow()
    assert (started(chained_job), Followup.objects.count()) == (["chain queued"], 0)


def test_follow_ups_that_take_several_passes_start_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 1)
    first = source(concurrency={"limit": 3})
    chained_job = chained(first, policies={"overlap": "allow"})
    for minute in range(4):
        new = runs.NewRun(first.scope_id, first.pk, first.spec_id, nominal_at=NOW + minute * MINUTE)
        runs.open_all([runs.apply_policies(new, first.policies)], NOW)
    follow(NOW + 4 * MINUTE)
    for run in Run.objects.filter(job=first, status="queued").select_related("spec")[:3]:
        end(run, now=NOW + 5 * MINUTE)
    follow(NOW + 5 * MINUTE)
    assert len(started(chained_job)) == 3


@pytest.mark.long
@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("skip", ["chain queued", "chain skipped overlap", "chain skipped overlap"]),
        ("buffer_one", ["chain queued", "chain held", "chain skipped overlap"]),
        ("buffer_all", ["chain queued", "chain held", "chain held"]),
        ("cancel_other", ["chain cancelled", "chain skipped overlap", "chain queued"]),
        ("terminate_other", ["chain cancelled", "chain skipped overlap", "chain queued"]),
        ("allow", ["chain queued", "chain queued", "chain queued"]),
    ],
)
def test_chained_runs_follow_the_overlap_policy(policy: str, shown: list[str]) -> None:
    first = source()
    chained_job = chained(first, policies={"overlap": policy})
    end(make_run(first))
    follow()
    for minute in (2, 3):  # one pass handles both ends
        end(make_run(first, NOW + minute * MINUTE))
    follow(NOW + 4 * MINUTE)
    assert started(chained_job) == shown


def test_chained_runs_follow_the_limits_and_the_start_deadline() -> None:
    first = source()
    chained(first, policies={"concurrency": {"limit": 1, "key": "printer"}}, name="one")
    chained(first, policies={"concurrency": {"limit": 1, "key": "printer"}, "start_deadline": "1h"}, name="two")
    ended = end(make_run(first))
    follow()
    assert sorted(Run.objects.filter(origin="chain").values_list("status", flat=True)) == ["held", "queued"]
    assert ended.finished_at is not None
    assert Run.objects.get(expires_at__isnull=False).expires_at == ended.finished_at + timedelta(hours=1)


def test_a_job_starts_by_its_schedule_and_by_its_chain() -> None:
    first = source()
    links = [{"job": str(first.pk)}]
    both = make_job("both", {"every": "1m"}, start_after=links, policies={"overlap": "allow"})
    tick(NOW + MINUTE, 10)
    end(make_run(first))
    follow()
    assert sorted(started(both)) == ["chain queued", "schedule queued"]


def test_a_job_whose_schedule_has_ended_still_starts_by_its_chain() -> None:
    first = source()
    links = [{"job": str(first.pk)}]
    chained_job = make_job("once", {"at": "2026-11-20T12:00:30Z"}, start_after=links, policies={"overlap": "allow"})
    tick(NOW + MINUTE, 10)
    assert Job.objects.get(pk=chained_job.pk).state == "ended"
    end(make_run(first, NOW + MINUTE))
    follow(NOW + 2 * MINUTE)
    triggers.pause(chained_job.pk, NOW + 3 * MINUTE, actor="ann")
    end(make_run(first, NOW + 4 * MINUTE))
    follow(NOW + 5 * MINUTE)
    assert started(chained_job) == ["schedule queued", "chain queued", "chain skipped paused"]
    assert triggers.resume(chained_job.pk, NOW + 6 * MINUTE, actor="ann").state == "ended"


def test_a_job_without_chained_jobs_has_no_follow_ups() -> None:
    first = source()
    chained_job = chained(first)
    assert list(Watch.objects.values_list("job_id", flat=True)) == [first.pk]
    change(chained_job)
    assert not Watch.objects.exists()
    end(make_run(first))
    assert not Followup.objects.exists()


def test_a_source_keeps_follow_ups_while_a_policy_or_a_chained_job_needs_them() -> None:
    first = source(pause_after_failures=3)
    one, two = chained(first, name="one"), chained(first, name="two")
    change(first, policies={})
    assert Watch.objects.filter(job_id=first.pk).exists()
    definitions.delete(one.pk, NOW, actor="ann")
    assert Watch.objects.filter(job_id=first.pk).exists()
    change(two)
    assert not Watch.objects.filter(job_id=first.pk).exists()


def test_a_job_can_be_deleted_while_others_start_after_it() -> None:
    first = source()
    chained_job = chained(first, on="completion")
    end(make_run(first))
    definitions.delete(first.pk, NOW, actor="ann")
    follow()
    assert (Chain.objects.count(), started(chained_job), Followup.objects.count()) == (0, [], 0)
    assert chains.of(chained_job.pk) == ()


def refused(data: Any, job: Job | None = None) -> dict[str, list[str]]:
    with pytest.raises(InvalidDefinition) as refusal:
        validate({"name": "x", "target": ECHO, "start_after": data}, NOW, job)
    return refusal.value.errors


@pytest.mark.parametrize(
    ("data", "field", "part"),
    [
        ({}, "start_after", "must be a list"),
        ("x", "start_after", "must be a list"),
        ([1], "start_after.0", "must be an object"),
        ([{}], "start_after.0.job", "job is required"),
        ([{"job": "x"}], "start_after.0.job", "must be a UUID"),
        ([{"job": "019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e"}], "start_after.0.job", "There is no job 019a9f5c"),
        ([{"job": "SOURCE", "on": "end"}], "start_after.0.on", "must be one of 'success', 'failure' or 'completion'"),
        ([{"job": "SOURCE", "when": "x"}], "start_after.0.when", "not a known field"),
        ([{"job": "SOURCE"}, {"job": "SOURCE", "on": "failure"}], "start_after.0.job", "listed repeatedly"),
        ([{"job": "SOURCE"}] * 21, "start_after", "20 items or fewer"),
    ],
)
def test_an_invalid_start_after_is_refused_at_its_entry(data: Any, field: str, part: str) -> None:
    errors = refused(json.loads(json.dumps(data).replace("SOURCE", str(source().pk))))
    assert part in " ".join(errors[field])


def test_a_job_cannot_start_after_itself() -> None:
    first = source()
    assert "after itself" in refused([{"job": str(first.pk)}], first)["start_after.0.job"][0]


def test_a_cycle_is_refused_with_the_names_of_its_jobs() -> None:
    first = source("load")
    second = chained(first, name="check")
    third = chained(second, name="report")
    other = source("other")
    errors = refused([{"job": str(other.pk)}, {"job": str(third.pk), "on": "failure"}], first)
    assert list(errors) == ["start_after.1.job"]
    cycle = "This closes a cycle: “load” starts “check” starts “report” starts “load”."
    assert errors["start_after.1.job"][0].startswith(cycle)
    with pytest.raises(InvalidDefinition):
        chains.store(first.pk, [chains.StartAfter(job=third.pk)])


def test_the_search_for_cycles_needs_two_queries_for_a_chain_of_any_length() -> None:
    last = source()
    for number in range(30):
        last = chained(last, name=f"job {number}")
    with CaptureQueriesContext(connection) as captured:
        chains.check([chains.StartAfter(job=last.pk)], source("new").pk)
    found = [query for query in captured.captured_queries if "schedules_chain" in query["sql"]]
    assert 0 < len(found) <= 2


def test_the_number_of_jobs_that_start_after_one_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "MAX_CHAINED_JOBS", 2)
    first = source()
    one = chained(first, name="one")
    chained(first, name="two")
    assert "2 jobs already start after this job" in refused([{"job": str(first.pk)}])["start_after.0.job"][0]
    assert change(one, start_after=[{"job": str(first.pk), "on": "failure"}])


def test_a_change_of_chains_makes_no_new_version() -> None:
    first, other = source(), source("other")
    assert change(other, policies=other.spec.policies, start_after=[{"job": str(first.pk)}]).spec.version == 1
    assert [(link.job, link.on) for link in chains.of(other.pk)] == [(first.pk, "success")]


def test_follow_ups_of_many_runs_need_a_fixed_number_of_queries() -> None:
    def n_queries(n: int) -> int:
        first = source(f"source {n}")
        for number in range(3):
            chained(first, name=f"{n} {number}", policies={"overlap": "allow"})
        for minute in range(n):
            end(make_run(first, NOW + minute * MINUTE), now=NOW + minute * MINUTE)
        with CaptureQueriesContext(connection) as captured:
            assert follow_once(NOW + 60 * MINUTE, 100).n_opened == 3 * n
        return len(captured)

    assert n_queries(1) == n_queries(20)


@pytest.mark.django_db(transaction=True)
def test_a_locked_chained_job_starts_later_and_delays_no_other_job() -> None:
    first, second = source(), source("second")
    locked, free = chained(first, name="locked"), chained(second, name="free")
    for job in (first, second):
        end(make_run(job))
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT FROM schedules_job WHERE id = %s FOR UPDATE", [locked.pk])
        follow_once(NOW + MINUTE, 100)
        assert (started(locked), started(free), Followup.objects.count()) == ([], ["chain queued"], 1)
        other.rollback()
    finally:
        other.close()
    follow(NOW + 2 * MINUTE)
    assert (started(locked), started(free), Followup.objects.count()) == (["chain queued"], ["chain queued"], 0)


def test_a_terminated_run_starts_jobs_chained_on_completion() -> None:
    first = make_job("source", {"every": "1m"}, policies={"overlap": "terminate_other"})
    chained_job = chained(first, on="completion")
    tick(NOW + MINUTE, 10)
    claim(Run.objects.get())
    tick(NOW + 2 * MINUTE, 10)
    follow(NOW + 2 * MINUTE)
    assert started(chained_job) == ["chain queued"]


def test_a_run_that_cannot_be_written_stops_no_other_chain() -> None:
    sources = [source(f"source {number}") for number in range(5)]
    chained_jobs = [chained(each, name=f"after {each.name}") for each in sources]
    for each in sources:
        end(make_run(each))
    bad = chained_jobs.pop(3)
    poison("executions_run", "job_id", bad.pk)
    follow()
    assert [started(each) for each in chained_jobs] == [["chain queued"]] * 4
    assert started(bad) == []
    cure("executions_run", bad.pk)
    follow(NOW + 2 * MINUTE)
    assert started(bad) == ["chain queued"]
    assert not Followup.objects.exists()
