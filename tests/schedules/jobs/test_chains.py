"""Chains: what a definition may say of them, and what starts when runs of other jobs have ended."""

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


def after(*sources: Job, on: str = "success", name: str = "follower", **definition: Any) -> Job:
    """A job that starts after these and has no clock of its own."""
    links = [{"job": str(source.pk), "on": on} for source in sources]
    return make_job(name, BY_HAND, start_after=links, **definition)


def source(name: str = "source", **policies: Any) -> Job:
    return make_job(name, BY_HAND, policies={"retry": {"max_retries": 0}, **policies})


def change(job: Job, now: datetime = NOW, **definition: Any) -> Job:
    data = {"name": job.name, "target": ECHO, "payload": HELLO, "schedule": job.schedule, **definition}
    return definitions.replace(job.pk, validate(data, now, job), now, actor="ann")


def follow(now: datetime = NOW + MINUTE) -> None:
    while follow_once(now, 100).more:
        pass


def started(job: Job) -> list[str]:
    found = Run.objects.filter(job=job).order_by("nominal_at")
    return [f"{run.origin} {run.status} {run.reason}".strip() for run in found]


@pytest.mark.parametrize(
    ("on", "of"),
    [
        ("success", {"succeeded"}),
        ("failure", {"failed"}),
        ("completion", {"succeeded", "failed", "cancelled"}),
    ],
)
def test_a_job_starts_after_the_ends_that_it_names(on: str, of: set[str]) -> None:
    first = source()
    follower = after(first, on=on)
    for minute, status in enumerate(("succeeded", "failed", "cancelled")):
        run = make_run(first, NOW + minute * MINUTE)
        if status == "cancelled":
            transitions.cancel(run.pk, run.nominal_at, actor="ann")
        else:
            end(run, Failed("x", "x") if status == "failed" else None)
        follow(NOW + 10 * MINUTE)
        assert len(started(follower)) == (status in of), status
        Run.objects.filter(job=follower).delete()


def test_the_run_says_which_one_started_it_and_that_ones_end_is_its_instant() -> None:
    first = source()
    follower = after(first)
    ended = end(make_run(first))
    follow()
    run = Run.objects.get(job=follower)
    assert (run.origin, run.status, run.caused_by) == (Origin.CHAIN, "queued", ended.pk)
    assert run.nominal_at == ended.finished_at
    assert run.dispatch_at is not None


def test_a_chain_of_three_goes_through_to_its_end() -> None:
    first = source()
    second = after(first, name="second")
    third = after(second, name="third")
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


def test_a_hundred_ends_of_one_instant_start_a_hundred_runs_with_instants_of_their_own() -> None:
    first = source()
    follower = after(first, policies={"overlap": "allow"})
    at = NOW + MINUTE
    for number in range(100):
        end(make_run(first, NOW + number * timedelta(milliseconds=1)), now=at)
    follow(at)
    assert Run.objects.filter(job=follower).values("caused_by").distinct().count() == 100
    assert Run.objects.filter(job=follower).values("nominal_at").distinct().count() == 100
    later = end(make_run(first, NOW - MINUTE), now=at)
    follow(at)
    assert Run.objects.get(caused_by=later.pk).nominal_at == at + 100 * runs.MICROSECOND


@pytest.mark.parametrize("origin", [Origin.MANUAL, Origin.RETRY, Origin.CHAIN, Origin.SCHEDULE])
def test_runs_of_any_origin_count(origin: Origin) -> None:
    first = source()
    follower = after(first)
    end(make_run(first, origin=origin))
    follow()
    assert len(started(follower)) == 1


def test_nothing_starts_twice_when_a_pass_dies_after_opening(monkeypatch: pytest.MonkeyPatch) -> None:
    first = source()
    follower = after(first)
    end(make_run(first))

    def die(*args: object) -> None:
        assert Run.objects.filter(job=follower).exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(runs, "delete_followups", die)
        follow_once(NOW + MINUTE, 100)
    assert (started(follower), Followup.objects.count()) == ([], 1)
    follow()
    assert (started(follower), Followup.objects.count()) == (["chain queued"], 0)


def test_nothing_starts_twice_when_held_runs_take_several_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MAX_RUNS_PER_GROUP", 1)
    first = source(concurrency={"limit": 3})
    follower = after(first, policies={"overlap": "allow"})
    for minute in range(4):
        new = runs.NewRun(first.scope_id, first.pk, first.spec_id, nominal_at=NOW + minute * MINUTE)
        runs.open_all([runs.apply_policies(new, first.policies)], NOW)
    follow(NOW + 4 * MINUTE)
    for run in Run.objects.filter(job=first, status="queued").select_related("spec")[:3]:
        end(run, now=NOW + 5 * MINUTE)
    follow(NOW + 5 * MINUTE)
    assert len(started(follower)) == 3


def test_a_paused_follower_records_that_it_was_and_one_that_was_paused_after_the_end_starts() -> None:
    first = source()
    follower = after(first, policies={"overlap": "allow"})
    triggers.pause(follower.pk, NOW, actor="ann")
    ended = end(make_run(first))
    follow()
    assert (started(follower), Run.objects.get(job=follower).caused_by) == (["chain skipped paused"], ended.pk)
    triggers.resume(follower.pk, NOW + MINUTE, actor="ann")
    end(make_run(first, NOW + 2 * MINUTE))
    triggers.pause(follower.pk, NOW + 3 * MINUTE, actor="ann")
    follow(NOW + 3 * MINUTE)
    assert started(follower) == ["chain skipped paused", "chain queued"]


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
def test_what_starts_minds_the_overlap_policy(policy: str, shown: list[str]) -> None:
    first = source()
    follower = after(first, policies={"overlap": policy})
    end(make_run(first))
    follow()
    for minute in (2, 3):  # both in one pass
        end(make_run(first, NOW + minute * MINUTE))
    follow(NOW + 4 * MINUTE)
    assert started(follower) == shown


def test_what_starts_minds_the_limits() -> None:
    first = source()
    after(first, policies={"concurrency": {"limit": 1, "key": "printer"}}, name="one")
    after(first, policies={"concurrency": {"limit": 1, "key": "printer"}, "start_deadline": "1h"}, name="two")
    ended = end(make_run(first))
    follow()
    assert sorted(Run.objects.filter(origin="chain").values_list("status", flat=True)) == ["held", "queued"]
    assert ended.finished_at is not None
    assert Run.objects.get(expires_at__isnull=False).expires_at == ended.finished_at + timedelta(hours=1)


def test_a_job_with_a_clock_starts_by_both() -> None:
    first = source()
    links = [{"job": str(first.pk)}]
    both = make_job("both", {"every": "1m"}, start_after=links, policies={"overlap": "allow"})
    tick(NOW + MINUTE, 10)
    end(make_run(first))
    follow()
    assert sorted(started(both)) == ["chain queued", "schedule queued"]


def test_a_job_whose_clock_has_ended_starts_after_others_and_can_be_paused() -> None:
    first = source()
    links = [{"job": str(first.pk)}]
    follower = make_job("once", {"at": "2026-11-20T12:00:30Z"}, start_after=links, policies={"overlap": "allow"})
    tick(NOW + MINUTE, 10)
    assert Job.objects.get(pk=follower.pk).state == "ended"
    end(make_run(first, NOW + MINUTE))
    follow(NOW + 2 * MINUTE)
    triggers.pause(follower.pk, NOW + 3 * MINUTE, actor="ann")
    end(make_run(first, NOW + 4 * MINUTE))
    follow(NOW + 5 * MINUTE)
    assert started(follower) == ["schedule queued", "chain queued", "chain skipped paused"]
    assert triggers.resume(follower.pk, NOW + 6 * MINUTE, actor="ann").state == "ended"


def test_a_job_that_nothing_starts_after_costs_no_follow_up() -> None:
    first = source()
    follower = after(first)
    assert list(Watch.objects.values_list("job_id", flat=True)) == [first.pk]
    change(follower)
    assert not Watch.objects.exists()
    end(make_run(first))
    assert not Followup.objects.exists()


def test_a_source_stays_watched_for_its_own_policies_and_for_its_other_followers() -> None:
    first = source(pause_after_failures=3)
    one, two = after(first, name="one"), after(first, name="two")
    change(first, policies={})
    assert Watch.objects.filter(job_id=first.pk).exists()
    definitions.delete(one.pk, NOW, actor="ann")
    assert Watch.objects.filter(job_id=first.pk).exists()
    change(two)
    assert not Watch.objects.filter(job_id=first.pk).exists()


def test_a_job_can_be_deleted_though_others_start_after_it() -> None:
    first = source()
    follower = after(first, on="completion")
    end(make_run(first))
    definitions.delete(first.pk, NOW, actor="ann")
    follow()
    assert (Chain.objects.count(), started(follower), Followup.objects.count()) == (0, [], 0)
    assert chains.of(follower.pk) == ()


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
        ([{"job": "SOURCE"}, {"job": "SOURCE", "on": "failure"}], "start_after.0.job", "named once"),
        ([{"job": "SOURCE"}] * 21, "start_after", "20 entries or fewer"),
    ],
)
def test_what_is_no_list_of_other_jobs_is_refused(data: Any, field: str, part: str) -> None:
    errors = refused(json.loads(json.dumps(data).replace("SOURCE", str(source().pk))))
    assert part in " ".join(errors[field])


def test_a_job_does_not_start_after_itself() -> None:
    first = source()
    assert "after itself" in refused([{"job": str(first.pk)}], first)["start_after.0.job"][0]


def test_a_circle_is_refused_with_the_names_in_it() -> None:
    first = source("load")
    second = after(first, name="check")
    third = after(second, name="report")
    other = source("other")
    errors = refused([{"job": str(other.pk)}, {"job": str(third.pk), "on": "failure"}], first)
    assert errors == {
        "start_after.1.job": ["That goes round in a circle: “load” starts “check” starts “report” starts “load”."]
    }
    with pytest.raises(InvalidDefinition):
        chains.store(first.pk, [chains.StartAfter(job=third.pk)])


def test_to_look_for_circles_takes_few_queries_however_long_the_chain_is() -> None:
    last = source()
    for number in range(30):
        last = after(last, name=f"job {number}")
    with CaptureQueriesContext(connection) as captured:
        chains.judge([chains.StartAfter(job=last.pk)], source("new").pk)
    judging = [query for query in captured.captured_queries if "schedules_chain" in query["sql"]]
    assert 0 < len(judging) <= 2


def test_no_more_jobs_start_after_one_than_a_pass_can_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "MOST_STARTED", 2)
    first = source()
    one = after(first, name="one")
    after(first, name="two")
    assert "2 jobs start after this one already" in refused([{"job": str(first.pk)}])["start_after.0.job"][0]
    assert change(one, start_after=[{"job": str(first.pk), "on": "failure"}])


def test_chains_make_no_new_version() -> None:
    first, other = source(), source("other")
    assert change(other, policies=other.spec.policies, start_after=[{"job": str(first.pk)}]).spec.version == 1
    assert [(link.job, link.on) for link in chains.of(other.pk)] == [(first.pk, "success")]


def test_the_ends_of_many_runs_are_followed_up_in_a_fixed_number_of_queries() -> None:
    def n_queries(n: int) -> int:
        first = source(f"source {n}")
        for number in range(3):
            after(first, name=f"{n} {number}", policies={"overlap": "allow"})
        for minute in range(n):
            end(make_run(first, NOW + minute * MINUTE), now=NOW + minute * MINUTE)
        with CaptureQueriesContext(connection) as captured:
            assert follow_once(NOW + 60 * MINUTE, 100).n_opened == 3 * n
        return len(captured)

    assert n_queries(1) == n_queries(20)


@pytest.mark.django_db(transaction=True)
def test_a_follower_in_somebody_elses_hands_is_started_later_and_keeps_nobody_waiting() -> None:
    first, second = source(), source("second")
    locked, free = after(first, name="locked"), after(second, name="free")
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


def test_a_run_that_is_terminated_leads_to_what_starts_after_any_end() -> None:
    first = make_job("source", {"every": "1m"}, policies={"overlap": "terminate_other"})
    follower = after(first, on="completion")
    tick(NOW + MINUTE, 10)
    claim(Run.objects.get())
    tick(NOW + 2 * MINUTE, 10)
    follow(NOW + 2 * MINUTE)
    assert started(follower) == ["chain queued"]


def test_a_run_that_cannot_be_written_keeps_no_other_chain_from_going_on() -> None:
    sources = [source(f"source {number}") for number in range(5)]
    followers = [after(each, name=f"after {each.name}") for each in sources]
    for each in sources:
        end(make_run(each))
    bad = followers.pop(3)
    poison("executions_run", "job_id", bad.pk)
    follow()
    assert [started(each) for each in followers] == [["chain queued"]] * 4
    assert started(bad) == []
    cure("executions_run", bad.pk)
    follow(NOW + 2 * MINUTE)
    assert started(bad) == ["chain queued"]
    assert not Followup.objects.exists()
