"""A beat with older time zone data runs the jobs of a time zone that only newer data have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from executions.models import Run
from schedules.backfills.backfill import start
from schedules.backfills.requests import BackfillRequest
from schedules.clock.zones.data import OWN_VERSION
from schedules.models import BackfillMode, BeatProcess, Job, Stoppage
from schedules.zone_data.adoption import adopt
from tests.acceptance.other_beat import OtherBeat
from tests.factories import end, make_job, make_run
from tests.zone_versions import BERLIN, TOKYO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

DAY = datetime(2026, 11, 30, tzinfo=UTC)
OLD = "2025z"  # each version must have its own name: zones are cached
EIGHT_IN_TOKYO = DAY + timedelta(hours=23)
SCHEDULES: dict[str, dict[str, Any]] = {
    "cron": {"cron": "0 8 * * *", "timezone": TOKYO},
    "list": {
        "specs": [{"cron": "0 8 * * *", "timezone": TOKYO}, {"cron": "0 12 1 1 *", "timezone": BERLIN}, {"every": "7d"}]
    },
    "interval": {"every": "24h", "start_at": EIGHT_IN_TOKYO.isoformat(), "timezone": TOKYO},
}


@pytest.fixture
def older(tmp_path: Path) -> Iterator[OtherBeat]:
    """A beat with data that do not have the zone yet."""
    with OtherBeat(tmp_path, OLD, {}, lacks=TOKYO) as beat:
        assert beat.do("version", DAY) == OLD
        yield beat


each_schedule = pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)


def check(older: OtherBeat, job: Job) -> None:
    """The older beat runs the job at its time and on the next day, and changes nothing else."""
    before = job.zone_data
    for n_runs, now in enumerate((EIGHT_IN_TOKYO, EIGHT_IN_TOKYO + timedelta(days=1)), start=1):
        assert not older.do("tick", now)
        job.refresh_from_db()
        assert Run.objects.filter(job_id=job.pk, reason="").count() == n_runs
        assert (job.zone_data, job.mark_at) == (before, now)
    assert Run.objects.filter(nominal_at=EIGHT_IN_TOKYO).exists()
    assert not Stoppage.objects.exists()


@each_schedule
def test_while_the_newer_version_is_in_force(older: OtherBeat, schedule: dict[str, Any]) -> None:
    adopt(DAY)
    BeatProcess.objects.create(
        name="new", started_at=DAY, seen_at=EIGHT_IN_TOKYO, clock_ahead=timedelta(0), zone_data=OWN_VERSION
    )
    assert not older.do("adopt", DAY)
    check(older, make_job("new zone", schedule, DAY, policies={"overlap": "allow"}))


@each_schedule
def test_while_the_older_version_is_in_force(older: OtherBeat, schedule: dict[str, Any]) -> None:
    assert older.do("adopt", DAY)
    job = make_job("new zone", schedule, DAY, policies={"overlap": "allow"})
    assert job.zone_data == OWN_VERSION
    check(older, job)


@each_schedule
def test_before_the_first_beat_and_after_a_roll_back(older: OtherBeat, schedule: dict[str, Any]) -> None:
    job = make_job("new zone", schedule, DAY, policies={"overlap": "allow"})
    adopt(DAY)
    assert older.do("adopt", DAY + timedelta(hours=1))
    while older.do("recompute", DAY + timedelta(hours=1)):
        pass
    check(older, job)


def test_a_beat_that_has_just_started_handles_the_end_of_a_run(older: OtherBeat) -> None:
    assert older.do("adopt", DAY)
    job = make_job("after a delay", {"delay": "1h", "timezone": TOKYO}, DAY)
    Job.objects.update(next_run_at=None)
    ended = end(make_run(job, DAY))
    assert older.do("follow", DAY + timedelta(minutes=1)) == 0
    job.refresh_from_db()
    assert ended.finished_at and job.next_run_at == ended.finished_at + timedelta(hours=1)


def test_a_beat_that_has_just_started_does_a_step_of_a_backfill(older: OtherBeat) -> None:
    assert older.do("adopt", DAY)
    now = EIGHT_IN_TOKYO + timedelta(hours=1)
    job = make_job("backfilled", SCHEDULES["cron"], DAY)
    past_at = EIGHT_IN_TOKYO + timedelta(minutes=30)
    Job.objects.update(mark_at=past_at, next_run_at=past_at + timedelta(days=1))
    start(job.pk, BackfillRequest(DAY, past_at, BackfillMode.ALL), now, actor="tests")
    assert older.do("timed", now)
    assert [run.nominal_at for run in Run.objects.filter(job_id=job.pk)] == [EIGHT_IN_TOKYO]


def test_a_job_in_another_zone_follows_the_version_in_force(older: OtherBeat) -> None:
    assert older.do("adopt", DAY)
    assert make_job("old zone", {"cron": "0 8 * * *", "timezone": BERLIN}, DAY).zone_data == OLD
