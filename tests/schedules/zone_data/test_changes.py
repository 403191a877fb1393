"""A tick changes a job to the version in force: no occurrence is lost or doubled, and the ledger is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from executions.models import Run
from schedules import triggers
from schedules.clock.compare import Decision
from schedules.clock.policies.resumption import Resumption
from schedules.clock.zones.data import OWN_VERSION
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.ledger import account
from schedules.ledger.watchdog import watch_once
from schedules.models import Job, JobState, ScheduleSpan, Stoppage, ZoneDataInForce
from schedules.tick import tick
from schedules.zone_data.adoption import adopt, recompute_once
from tests.factories import ECHO, HELLO, make_job
from tests.zone_versions import BERLIN, ONE_HOUR_AHEAD, UNTIL_2026, VANCOUVER, put_in_force

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 11, 30, tzinfo=UTC)
OLD = "2026-changes"
ALLOW = {"overlap": "allow"}
CHANGED = {VANCOUVER: UNTIL_2026, **ONE_HOUR_AHEAD}


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    return DAY + timedelta(days=days, hours=hour, minutes=minute)


@pytest.fixture(autouse=True)
def old_version() -> None:
    put_in_force(OLD, **CHANGED)


def daily(zone: str, created_at: datetime = DAY, times: str = "0 9 * * *", **definition: Any) -> Job:
    schedule = {"cron": times, "timezone": zone, **definition.pop("schedule", {})}
    policies = {**ALLOW, **definition.pop("policies", {})}
    return make_job(f"at {times} in {zone}", schedule, created_at, policies=policies, **definition)


def upgrade(now: datetime) -> None:
    assert adopt(now)
    while recompute_once(now):
        pass


def ticks(*instants: datetime) -> None:
    for now in instants:
        while tick(now, 100).more:
            pass


def started(job: Job) -> list[datetime]:
    found = Run.objects.filter(job_id=job.pk, reason="").order_by("nominal_at")
    return list(found.values_list("nominal_at", flat=True))


def decisions(job: Job, until: datetime) -> list[tuple[datetime, str]]:
    found = account.entries(job.pk, DAY, until, until)
    return [(entry.at, entry.decision.value) for entry in found]


def test_a_time_that_has_run_does_not_run_again_the_same_day() -> None:
    job = daily(BERLIN)
    ticks(at(7))
    upgrade(at(7, 30))
    ticks(at(7, 30), at(8), at(8, 0, 1))
    assert started(job) == [at(7), at(8, 0, 1)]
    assert decisions(job, at(9, 0, 1)) == [(at(7), "started"), (at(8, 0, 1), "started")]


def test_a_time_that_has_not_run_starts_late_by_the_ordinary_catch_up() -> None:
    job = daily(VANCOUVER)
    ticks(at(12))
    upgrade(at(16, 30))
    ticks(at(16, 30), at(17), at(16, 0, 1))
    assert started(job) == [at(16), at(16, 0, 1)]
    assert decisions(job, at(17, 0, 1)) == [(at(16), "started"), (at(16, 0, 1), "started")]


def test_an_owed_time_before_the_mark_starts() -> None:
    """The job was created at 08:30 in Vancouver by the old rules, which is 09:30 by the new rules."""
    job = daily(VANCOUVER, at(16, 30))
    upgrade(at(16, 40))
    ticks(at(16, 40), at(17))
    assert started(job) == [at(16)]
    assert decisions(job, at(18)) == [(at(16), "started")]


def test_the_change_is_stored_with_the_mark() -> None:
    job = daily(BERLIN)
    ticks(at(7))
    upgrade(at(7, 30))
    job.refresh_from_db()
    assert (job.zone_data, job.holds, job.mark_at, job.next_run_at) == (OLD, None, at(7), at(8, 0, 1))
    ticks(at(8, 0, 1))
    job.refresh_from_db()
    assert (job.zone_data, job.mark_at, job.next_run_at) == (OWN_VERSION, at(8, 0, 1), at(8, 0, 2))
    ended, present = ScheduleSpan.objects.filter(job_id=job.pk)
    assert (ended.zone_data, ended.from_at, ended.until_at, ended.holds) == (OLD, DAY, at(7), None)
    assert (present.zone_data, present.from_at, present.until_at) == (OWN_VERSION, at(7), None)
    assert present.holds == job.holds == ["2026-11-30T08:00:00Z"]


def test_a_job_in_another_zone_changes_its_version_and_keeps_its_span() -> None:
    job = daily("America/New_York")
    upgrade(at(7, 30))
    ticks(at(14))
    job.refresh_from_db()
    assert (job.zone_data, job.holds, ScheduleSpan.objects.get(job_id=job.pk).until_at) == (OWN_VERSION, None, None)


def test_max_runs_stays_exact() -> None:
    """At 16:00 UTC a run has started for eight o'clock; by the new rules the instant is nine o'clock."""
    job = daily(VANCOUVER, times="0 8,9,10 * * *", schedule={"max_runs": 3})
    ticks(at(16))
    upgrade(at(16))
    ticks(at(16), at(17), at(15, 0, 1), at(16, 0, 1))
    assert started(job) == [at(16), at(17), at(15, 0, 1)]
    job.refresh_from_db()
    assert (job.n_scheduled, job.state) == (3, JobState.ENDED)


@pytest.mark.parametrize("zone", [VANCOUVER, BERLIN])
def test_a_downtime_over_the_change_loses_and_doubles_no_day(zone: str) -> None:
    job = daily(zone, policies={"catch_up": {"mode": "all", "max_age": "10d"}})
    ticks(at(20))
    upgrade(at(1, 0, 3))
    ticks(at(1, 0, 3), at(20, 0, 3))
    hours = (17, 16) if zone == VANCOUVER else (7, 8)
    assert started(job) == [at(hours[0]), *(at(hours[1], 0, day) for day in (1, 2, 3))]
    assert {decision for _, decision in decisions(job, at(20, 0, 3))} == {"started"}


def test_wildcards_continue_and_lists_mix() -> None:
    specs = [{"cron": "*/30 * * * *", "timezone": BERLIN}, {"cron": "10 9 * * *", "timezone": BERLIN}]
    job = make_job("mixed", {"specs": specs}, at(6), policies=ALLOW)
    ticks(at(6, 30), at(7), at(7, 10), at(7, 20))
    upgrade(at(7, 20))
    ticks(at(7, 30), at(8), at(8, 10), at(8, 30))
    assert started(job) == [at(6, 30), at(7), at(7, 10), at(7, 30), at(8), at(8, 30)]
    assert {decision for _, decision in decisions(job, at(8, 30))} == {"started"}


def test_before_the_tick_the_ledger_already_shows_the_new_instants() -> None:
    later, earlier = daily(BERLIN), daily(VANCOUVER)
    ticks(at(7))
    upgrade(at(7, 30))
    until = at(18, 0, 1)
    shown = [(entry.at, entry.decision) for entry in account.entries(later.pk, DAY, until, at(7, 30))]
    assert shown == [(at(7), Decision.STARTED), (at(8, 0, 1), Decision.UPCOMING)]
    shown = [(entry.at, entry.decision) for entry in account.entries(earlier.pk, DAY, until, at(7, 30))]
    assert shown == [(at(16), Decision.UPCOMING), (at(16, 0, 1), Decision.UPCOMING)]


def test_the_watchdog_finds_nothing_wrong_after_a_change() -> None:
    daily(BERLIN), daily(VANCOUVER, at(16, 30))
    ticks(at(7))
    upgrade(at(16, 40))
    ticks(at(16, 40))
    for hour in (17, 18):
        watch_once(at(hour, 0), 100)
    assert not Stoppage.objects.exists()


def test_a_pause_over_the_change_ends_by_the_new_rules() -> None:
    job = daily(BERLIN)
    ticks(at(7))
    triggers.pause(job.pk, at(7, 10), actor="tests")
    upgrade(at(7, 30))
    triggers.resume(job.pk, at(12, 0, 1), actor="tests", catch_up=Resumption.ALL)
    job.refresh_from_db()
    assert job.next_run_at == job.catch_up_from_at == at(8, 0, 1)
    ticks(at(12, 0, 1), at(8, 0, 2))
    assert started(job) == [at(7), at(8, 0, 1), at(8, 0, 2)]


def test_an_edit_records_the_occurrences_before_it_by_the_new_rules() -> None:
    job = daily(VANCOUVER)
    upgrade(at(12))
    edited = validate(
        {"name": "edited", "schedule": {"cron": "0 9 * * *", "timezone": BERLIN}, "target": ECHO, "payload": HELLO},
        at(16, 0),
    )
    definitions.replace(job.pk, edited, at(16, 0), actor="tests")
    job.refresh_from_db()
    assert started(job) == [at(16)]
    assert (job.zone_data, job.holds, job.next_run_at) == (OWN_VERSION, None, at(8, 0, 1))
    assert decisions(job, at(17)) == [(at(16), "started")]


def test_an_edit_during_a_pause_records_the_pause_by_the_new_rules() -> None:
    job = daily(VANCOUVER)
    triggers.pause(job.pk, at(1), actor="tests")
    upgrade(at(12))
    edited = validate({"name": "x", "schedule": {"cron": "5 9 * * *"}, "target": ECHO, "payload": HELLO}, at(18))
    definitions.replace(job.pk, edited, at(18), actor="tests")
    (run,) = Run.objects.filter(job_id=job.pk)
    assert (run.nominal_at, run.reason) == (at(16), "paused")
    assert [each for each in decisions(job, at(19)) if each[0] != at(16)] == []


def test_a_new_job_follows_the_version_in_force() -> None:
    """As in a web process that is upgraded before the beats."""
    job = daily(VANCOUVER)
    assert (job.zone_data, job.next_run_at) == (OLD, at(17))
    ticks(at(16), at(17))
    assert started(job) == [at(17)]


def test_going_back_to_an_older_version_loses_and_doubles_nothing() -> None:
    jobs = daily(BERLIN), daily(VANCOUVER)
    ticks(at(7), at(17))
    upgrade(at(18))
    ticks(at(8, 0, 1), at(8, 5, 1))
    put_back = "2026-changes-back"
    put_in_force_again(put_back, at(8, 10, 1))
    ticks(at(16, 0, 1), at(17, 0, 1), at(7, 0, 2), at(17, 0, 2))
    assert started(jobs[0]) == [at(7), at(8, 0, 1), at(7, 0, 2)]
    assert started(jobs[1]) == [at(17), at(17, 0, 1), at(17, 0, 2)]
    for job in jobs:
        assert {decision for _, decision in decisions(job, at(18, 0, 2))} == {"started"}


def put_in_force_again(version: str, now: datetime) -> None:
    """What a beat with the old data does when no beat with the new data lives."""
    put_in_force(version, **CHANGED)
    ZoneDataInForce.objects.update(due_at=now, n_rounds=0)
    while recompute_once(now):
        pass
