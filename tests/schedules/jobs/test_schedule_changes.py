"""Proves that an edit of a schedule moves only what it must: anchors, counts and planned instants stay otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run
from schedules.jobs import definitions
from schedules.jobs.members import stored_members
from schedules.jobs.registration import Registered, register
from schedules.jobs.validation import validate
from schedules.ledger.account import gaps
from schedules.models import Job, JobState
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, HELLO, NOW, end, make_job
from tests.job_form import EngineJobForm, sent

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def edit(job: Job, schedule: Any, at: datetime) -> Job:
    """Give a job another schedule, and keep its other members."""
    job = Job.objects.select_related("spec").get(pk=job.pk)
    data = stored_members(job, ()) | {"schedule": schedule}
    return definitions.replace(job.pk, validate(data, at, job), at, actor="tests")


def put(schedule: dict[str, Any] | list[dict[str, Any]], at: datetime) -> Registered:
    definition = {"name": "x", "schedule": schedule, "target": ECHO, "payload": HELLO}
    return register({"x": definition}, at, actor="tests")["x"]


def fired() -> list[str]:
    return [f"{run.nominal_at:%H:%M:%S}" for run in Run.objects.order_by("nominal_at")]


@pytest.mark.parametrize("is_list", [False, True])
def test_an_interval_that_is_registered_again_and_again_fires_on_time(is_list: bool) -> None:
    for number in range(11):
        at = NOW + number * 2 * SECOND
        bounds = {"end_at": (at + timedelta(days=30)).isoformat()}
        interval = {"every": "5s", **bounds}
        put({"specs": [interval, {"cron": "0 0 1 1 *"}]} if is_list else interval, at)
        tick(at, 10)
    assert fired() == ["12:00:05", "12:00:10", "12:00:15", "12:00:20"]


def test_a_delay_that_is_registered_again_and_again_fires_on_time() -> None:
    put({"delay": "5s"}, NOW)
    tick(NOW, 10)
    end(Run.objects.get(), now=NOW + SECOND)
    for number in range(1, 5):
        at = NOW + number * 2 * SECOND
        follow_once(at, 10)
        put({"delay": "5s", "end_at": (at + timedelta(days=30)).isoformat()}, at)
        tick(at, 10)
    assert fired() == ["12:00:00", "12:00:06"]


def test_a_planned_delay_moves_only_to_stay_within_new_bounds() -> None:
    job = make_job(schedule={"delay": "1h"})
    tick(NOW, 10)
    end(Run.objects.get(), now=NOW)
    follow_once(NOW, 10)
    planned_at = NOW + timedelta(hours=1)
    assert edit(job, {"delay": "1h", "timezone": "Asia/Tokyo"}, NOW + MINUTE).next_run_at == planned_at
    later = planned_at + MINUTE
    assert edit(job, {"delay": "1h", "start_at": later.isoformat()}, NOW + MINUTE).next_run_at == later
    ended = edit(job, {"delay": "1h", "end_at": planned_at.isoformat()}, NOW + 2 * MINUTE)
    assert (ended.next_run_at, ended.state) == (None, JobState.ENDED)


@pytest.mark.parametrize(
    ("schedule", "changes"),
    [
        ({"every": "1m"}, {"timezone": "Asia/Tokyo"}),
        ({"cron": "* * * * *"}, {"dst_gap": "skip"}),
        ({"cron": "* * * * *"}, {"end_at": "2027-01-01T00:00:00Z"}),
        ({"specs": [{"every": "1m"}, {"cron": "0 0 1 1 *"}]}, {"timezone": "Asia/Tokyo"}),
    ],
)
def test_max_runs_counts_on_when_only_other_members_change(schedule: Any, changes: dict[str, str]) -> None:
    job = make_job(schedule=schedule | {"max_runs": 3}, policies={"overlap": "allow"})
    for minute in (1, 2):
        tick(NOW + minute * MINUTE, 10)
    assert edit(job, schedule | {"max_runs": 3} | changes, NOW + 2.5 * MINUTE).n_scheduled == 2
    for minute in (3, 4, 5):
        tick(NOW + minute * MINUTE, 10)
    assert fired() == ["12:01:00", "12:02:00", "12:03:00"]


def test_a_job_that_has_used_up_its_max_runs_goes_on_only_if_more_are_allowed() -> None:
    job = make_job(schedule={"every": "1m", "max_runs": 1}, policies={"overlap": "allow"})
    tick(NOW + MINUTE, 10)
    still = edit(job, {"every": "1m", "max_runs": 1, "timezone": "Asia/Tokyo"}, NOW + 2 * MINUTE)
    assert (still.state, still.next_run_at, still.n_scheduled) == (JobState.ENDED, None, 1)
    assert list(gaps(job.pk, NOW, NOW + 9 * MINUTE, NOW + 9 * MINUTE, 10)) == []
    more = edit(job, {"every": "1m", "max_runs": 2}, NOW + 9.5 * MINUTE)
    assert (more.state, more.next_run_at) == (JobState.ACTIVE, NOW + 10 * MINUTE)
    tick(NOW + 12 * MINUTE, 10)
    assert Run.objects.exclude(status="skipped").count() == 2


def test_another_interval_counts_max_runs_anew_from_the_time_of_the_edit() -> None:
    job = make_job(schedule={"every": "1m", "max_runs": 1})
    tick(NOW + MINUTE, 10)
    changed = edit(job, {"every": "2m", "max_runs": 1}, NOW + 1.5 * MINUTE)
    assert (changed.state, changed.n_scheduled, changed.next_run_at) == (JobState.ACTIVE, 0, NOW + 3.5 * MINUTE)


def test_a_lower_max_runs_ends_a_job_that_has_had_as_many_runs() -> None:
    job = make_job(schedule={"every": "1m", "max_runs": 9}, policies={"overlap": "allow"})
    for minute in (1, 2):
        tick(NOW + minute * MINUTE, 10)
    ended = edit(job, {"every": "1m", "max_runs": 2}, NOW + 2.5 * MINUTE)
    assert (ended.state, ended.next_run_at) == (JobState.ENDED, None)


@pytest.mark.parametrize(
    "schedule", [{"every": "1h"}, {"specs": [{"every": "1h"}, {"every": "2h", "timezone": "Asia/Tokyo"}]}]
)
def test_another_time_zone_in_the_form_keeps_the_anchors(schedule: dict[str, Any]) -> None:
    def anchors(stored: dict[str, Any]) -> list[Any]:
        return [each.get("anchor_at") for each in stored.get("specs", [stored])]

    job = make_job(schedule=schedule)
    form = EngineJobForm(sent(EngineJobForm(instance=job)) | {"timezone": "America/New_York"}, instance=job)
    assert form.is_valid(), form.errors
    assert form.definition is not None
    stored = form.definition.members["schedule"]
    assert (stored["timezone"], anchors(stored)) == ("America/New_York", anchors(job.schedule))
