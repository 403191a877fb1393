"""A beat puts its version of the time zone data in force, and every next instant that this moves is computed anew."""

from __future__ import annotations

import sysconfig
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from django.db.models import JSONField, Value
from structlog.testing import capture_logs

from schedules import queries
from schedules.clock.zones import data
from schedules.clock.zones.data import OWN_VERSION
from schedules.models import BeatProcess, Job, JobState, ZoneData, ZoneDataInForce
from schedules.passes.timed import do_timed_work
from schedules.tick import tick
from schedules.triggers import pause
from schedules.zone_data import adoption, versions
from schedules.zone_data.adoption import adopt, recompute_once
from schedules.zone_data.queries import PAGE_OF_JOBS
from tests.concurrency.threads import at_once
from tests.factories import make_job
from tests.zone_versions import BERLIN, ONE_HOUR_AHEAD, TOKYO, UNTIL_2026, VANCOUVER, put_in_force, tzif

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OLD, NEWER = "2026-adopt", "2099z"
CHANGED = {VANCOUVER: UNTIL_2026, **ONE_HOUR_AHEAD}


def nine_in(zone: str, name: str = "nine", **definition: Any) -> Job:
    return make_job(name, {"cron": "0 9 * * *", "timezone": zone}, NOW, **definition)


def hour_of(job: Job) -> int:
    """The hour, in UTC, of the job's next instant."""
    job.refresh_from_db()
    assert job.next_run_at
    return job.next_run_at.hour


def living_beat(version: str, seen_at: datetime) -> None:
    BeatProcess.objects.create(
        name=f"beat of {version}", started_at=NOW, seen_at=seen_at, clock_ahead=timedelta(0), zone_data=version
    )


def recompute_all(now: datetime) -> int:
    n_checked = 0
    while found := recompute_once(now):
        n_checked += found
    return n_checked


def test_the_first_beat_puts_its_version_in_force() -> None:
    assert versions.in_force() is None
    with capture_logs() as logs:
        assert adopt(NOW)
    assert logs == [
        {"event": "timezone_data_in_force", "log_level": "info", "action": "beat", "version": OWN_VERSION, "before": ""}
    ]
    assert versions.in_force() == OWN_VERSION
    stored = ZoneData.objects.get()
    assert (stored.version, bytes(stored.rules)) == (OWN_VERSION, data.pack(data.own_rules()))
    assert queries.next_at().zone_data == OWN_VERSION


def test_a_version_is_put_in_force_once() -> None:
    assert adopt(NOW)
    assert not adopt(NOW + SECOND)
    assert recompute_once(NOW + SECOND) == 0  # all jobs follow this version already


def test_a_newer_version_replaces_an_older_one_even_if_beats_with_it_live() -> None:
    put_in_force(OLD, **CHANGED)
    living_beat(OLD, NOW)
    assert adopt(NOW)
    assert versions.in_force() == OWN_VERSION


def test_an_older_version_waits_until_no_beat_with_the_newer_one_lives() -> None:
    put_in_force(NEWER, **CHANGED)
    living_beat(NEWER, NOW)
    assert not adopt(NOW + 14 * SECOND)
    assert versions.in_force() == NEWER
    assert adopt(NOW + 15 * SECOND)
    assert versions.in_force() == OWN_VERSION


def test_the_next_instants_in_changed_zones_are_computed_anew() -> None:
    put_in_force(OLD, **CHANGED)
    jobs = [nine_in(zone) for zone in (VANCOUVER, BERLIN, TOKYO, "America/New_York", "UTC")]
    listed = make_job("listed", {"specs": [{"every": "7d"}, {"cron": "0 9 * * *"}], "timezone": VANCOUVER}, NOW)
    assert [hour_of(job) for job in (*jobs, listed)] == [17, 7, 23, 14, 9, 17]
    assert all(job.zone_data == OLD for job in Job.objects.all())
    assert adopt(NOW)
    assert queries.next_at().timed == NOW
    with capture_logs() as logs:
        assert do_timed_work(NOW, 10) == 6
    assert [hour_of(job) for job in (*jobs, listed)] == [16, 8, 0, 14, 9, 16]
    done = {"event": "timezone_data_applied", "log_level": "info", "action": "beat", "version": OWN_VERSION}
    assert logs == [{**done, "round": 1, "n_checked": 6, "n_moved": 4}]
    assert all(job.zone_data == OLD for job in Job.objects.all())  # a tick changes it, together with the mark


def test_later_rounds_find_what_was_changed_meanwhile() -> None:
    put_in_force(OLD, **CHANGED)
    early, late = nine_in(VANCOUVER, "early"), nine_in(VANCOUVER, "late")
    old_next = late.next_run_at
    adopt(NOW)
    assert recompute_all(NOW) == 2
    Job.objects.filter(pk=late.pk).update(next_run_at=old_next)  # written by a process that had read the old version
    assert recompute_all(NOW + 9 * SECOND) == 0
    assert recompute_all(NOW + 10 * SECOND) == 2
    assert (hour_of(early), hour_of(late)) == (16, 16)
    assert recompute_all(NOW + 70 * SECOND) == 2
    assert ZoneDataInForce.objects.get().due_at is None
    assert recompute_all(NOW + timedelta(days=1)) == 0


def test_a_recomputation_goes_through_the_jobs_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "JOBS_PER_STEP", 2)
    put_in_force(OLD, **CHANGED)
    jobs = [nine_in(VANCOUVER, f"job {n}") for n in range(5)]
    adopt(NOW)
    assert [recompute_once(NOW) for _ in range(4)] == [2, 2, 1, 0]
    assert [hour_of(job) for job in jobs] == [16] * 5


def test_a_step_that_takes_long_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "MAX_STEP_SECONDS", 0)
    monkeypatch.setattr(adoption, "JOBS_PER_PART", 2)
    put_in_force(OLD, **CHANGED)
    jobs = [nine_in(VANCOUVER, f"job {n}") for n in range(5)]
    adopt(NOW)
    assert [recompute_once(NOW) for _ in range(4)] == [2, 2, 1, 0]
    assert [hour_of(job) for job in jobs] == [16] * 5
    assert ZoneDataInForce.objects.get().n_rounds == 1


def test_a_paused_job_is_computed_when_its_pause_ends() -> None:
    put_in_force(OLD, **CHANGED)
    job = nine_in(VANCOUVER)
    pause(job.pk, NOW, actor="tests")
    adopt(NOW)
    recompute_all(NOW)
    assert hour_of(job) == 17


def test_a_job_whose_schedule_ends_by_the_new_rules_is_ended_by_the_next_tick() -> None:
    put_in_force(OLD, **CHANGED)
    job = nine_in(TOKYO)
    job.schedule["end_at"] = "2026-11-30T23:30:00Z"
    job.save()
    assert hour_of(job) == 23
    adopt(NOW)
    recompute_all(NOW)
    job.refresh_from_db()
    assert job.next_run_at == NOW and job.state == JobState.ACTIVE
    tick(NOW, 10)
    job.refresh_from_db()
    assert job.next_run_at is None and job.state == JobState.ENDED


def test_an_unreadable_schedule_does_not_stop_the_recomputation() -> None:
    put_in_force(OLD, **CHANGED)
    broken, healthy = nine_in(VANCOUVER, "broken"), nine_in(VANCOUVER, "healthy")
    Job.objects.filter(pk=broken.pk).update(schedule={"kind": "cron", "timezone": VANCOUVER, "cron": "nonsense"})
    adopt(NOW)
    assert recompute_all(NOW) == 2
    assert (hour_of(broken), hour_of(healthy)) == (17, 16)


@pytest.mark.parametrize("schedule", [{"specs": 1}, {"specs": {"a": 1}}, {"specs": [1, "x", None, []]}, [], 1, None])
def test_an_odd_schedule_does_not_stop_the_recomputation(schedule: object) -> None:
    put_in_force(OLD, **CHANGED)
    odd, healthy = nine_in(VANCOUVER, "odd"), nine_in(VANCOUVER, "healthy")
    Job.objects.filter(pk=odd.pk).update(schedule=Value(schedule, JSONField()))
    adopt(NOW)
    assert recompute_all(NOW) == 2
    assert hour_of(healthy) == 16


@pytest.mark.django_db(transaction=True)
def test_a_locked_job_is_left_to_a_later_round() -> None:
    put_in_force(OLD, **CHANGED)
    locked, free = nine_in(VANCOUVER, "locked"), nine_in(VANCOUVER, "free")
    adopt(NOW)
    with transaction.atomic():
        assert queries.lock_job(locked.pk)
        assert at_once(1, lambda _: recompute_once(NOW)) == [2]
    assert (hour_of(locked), hour_of(free)) == (17, 16)
    recompute_once(NOW + 10 * SECOND)
    assert hour_of(locked) == 16


@pytest.mark.django_db(transaction=True)
def test_two_beats_do_not_recompute_at_the_same_time() -> None:
    put_in_force(OLD, **CHANGED)
    nine_in(VANCOUVER)
    adopt(NOW)
    with transaction.atomic():
        assert recompute_once(NOW) == 1
        assert at_once(1, lambda _: recompute_once(NOW)) == [0]


def test_jobs_from_before_versions_were_stored_follow_the_data_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "America").mkdir()
    (tmp_path / VANCOUVER).write_bytes(tzif(UNTIL_2026))
    monkeypatch.setitem(sysconfig.get_config_vars(), "TZPATH", str(tmp_path))
    jobs = nine_in(VANCOUVER, "one"), nine_in(BERLIN, "two")
    Job.objects.update(zone_data="")
    Job.objects.filter(pk=jobs[0].pk).update(next_run_at=NOW + timedelta(hours=5))
    try:
        assert adopt(NOW)
        assert recompute_all(NOW) == 2
        assert [hour_of(job) for job in jobs] == [16, 8]
    finally:
        data._others.pop("", None)  # known to this process until it ends


def test_the_version_of_a_job_that_is_created_before_the_first_beat_is_stored() -> None:
    nine_in(VANCOUVER)
    assert bytes(ZoneData.objects.get(pk=OWN_VERSION).rules) == data.pack(data.own_rules())


def test_a_reader_stores_no_version() -> None:
    assert versions.present() == OWN_VERSION
    assert not ZoneData.objects.exists()


def test_the_first_beat_computes_jobs_anew_whose_version_was_another() -> None:
    put_in_force(OLD, **CHANGED)
    job = nine_in(VANCOUVER)
    ZoneDataInForce.objects.all().delete()  # as if no beat had run yet
    assert hour_of(job) == 17
    assert adopt(NOW)
    assert recompute_all(NOW) == 1
    assert hour_of(job) == 16


def test_a_page_of_jobs_is_read_by_the_primary_key() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + PAGE_OF_JOBS, {"after": adoption._FIRST_ID, "limit": 10})
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "schedules_job_pkey" in plan and "Sort" not in plan


def test_jobs_that_cannot_be_recomputed_stop_no_other_job() -> None:
    put_in_force(OLD, **CHANGED, **{"America/Newtown": UNTIL_2026})
    in_unknown_zone, broken, normal = (nine_in(VANCOUVER, name) for name in ("unknown zone", "broken", "normal"))
    schedule = {**in_unknown_zone.schedule, "timezone": "America/Newtown"}
    Job.objects.filter(pk=in_unknown_zone.pk).update(schedule=schedule)
    Job.objects.filter(pk=broken.pk).update(holds=[None, None])
    before = [hour_of(job) for job in (in_unknown_zone, broken, normal)]
    adopt(NOW)
    with capture_logs() as logs:
        assert recompute_all(NOW) == 3
    assert [(line["event"], line.get("job")) for line in logs if line["log_level"] == "error"] == [
        ("job_not_recomputed", str(broken.pk))
    ]
    assert [hour_of(job) for job in (in_unknown_zone, broken)] == before[:2]
    assert hour_of(normal) != before[2]
