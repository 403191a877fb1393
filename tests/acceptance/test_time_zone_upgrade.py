"""10,000 jobs in zones that new time zone data change: the ledger has each occurrence once, and no day is doubled."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction

from executions.models import Run
from schedules.clock.compare import Decision
from schedules.clock.zones.data import OWN_VERSION, name_in
from schedules.clock.zones.zones import zone
from schedules.jobs import definitions
from schedules.jobs.validation import validate
from schedules.ledger import account
from schedules.ledger.watchdog import watch_once
from schedules.models import BeatProcess, Job, Stoppage
from schedules.tick import tick
from schedules.zone_data import versions
from schedules.zone_data.adoption import adopt, recompute_once
from tests.acceptance.other_beat import OtherBeat
from tests.factories import ECHO, HELLO
from tests.zone_versions import BERLIN, ONE_HOUR_AHEAD, TOKYO, UNTIL_2026, VANCOUVER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long, pytest.mark.timeout(600)]

START = datetime(2026, 11, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHANGED = {VANCOUVER: UNTIL_2026, **ONE_HOUR_AHEAD}
ZONES = (VANCOUVER, BERLIN, TOKYO)
OLD, NEW = "2026a", OWN_VERSION
POLICIES = {"overlap": "allow", "catch_up": {"mode": "all", "max_age": "10d"}}


def at(hours: float) -> datetime:
    return START + hours * HOUR


def schedules() -> Iterator[dict[str, Any]]:
    """Fixed times at all hours of the day, and a few of each other kind, in each zone."""
    number = 0
    while True:
        zone_name, number = ZONES[number % 3], number + 1
        fixed = {"cron": f"{number * 7 % 60} {number * 5 % 24} * * *", "timezone": zone_name}
        yield fixed
        if number % 50 == 0:
            yield {"cron": "0 */6 * * *", "timezone": zone_name}
            yield {"every": "7h", "timezone": zone_name}
            yield {"cron": "0 8,9,10,22 * * *", "timezone": zone_name}
            yield {"specs": [fixed, {"cron": "30 12 * * *", "timezone": "UTC"}, {"every": "11h"}]}
            yield {**fixed, "max_runs": 2}


def make_jobs(n: int) -> None:
    found = schedules()
    wanted = []
    for number in range(n):
        data = {
            "name": f"job {number}",
            "schedule": next(found),
            "target": ECHO,
            "payload": HELLO,
            "policies": POLICIES,
        }
        wanted.append((None, validate(data, START)))
    for place in range(0, n, 500):
        with transaction.atomic():
            definitions.create_many(wanted[place : place + 500], START, actor="tests")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE schedules_job, executions_runspec, schedules_schedulespan")


def tick_here(now: datetime) -> None:
    while tick(now, 500).more:
        pass


def recompute(once: Callable[[datetime], int], now: datetime) -> int:
    n_checked = 0
    while found := once(now):
        n_checked += found
    return n_checked


def check_ledgers(until: datetime) -> None:
    """Each occurrence has one row, none is missing, and each row belongs to an occurrence."""
    decisions: Counter[Decision] = Counter()
    n_rows = Counter(Run.objects.values_list("job_id", flat=True))
    for job_id in Job.objects.values_list("pk", flat=True):
        found = [entry for entry in account.entries(job_id, START, until, until) if entry.at <= until]
        decisions.update(entry.decision for entry in found)
        assert sum(entry.record is not None for entry in found) == n_rows[job_id]
        instants = [entry.at for entry in found]
        assert instants == sorted(set(instants))
    assert set(decisions) == {Decision.STARTED}, decisions


def check_local_days(since: datetime, until: datetime) -> None:
    """Each daily job has run once for each of its local days. Its local time is that of the rules of its time."""
    n_checked = 0
    runs: dict[object, list[datetime]] = {}
    for job_id, nominal_at in Run.objects.order_by("nominal_at").values_list("job_id", "nominal_at"):
        runs.setdefault(job_id, []).append(nominal_at)
    for job in Job.objects.filter(schedule__kind="cron"):
        minute, hour = job.schedule["cron"].split()[:2]
        if not (minute.isdecimal() and hour.isdecimal()) or job.schedule.get("max_runs"):
            continue
        days = _days(job, (int(hour), int(minute)), runs[job.pk])
        assert days == [days[0] + timedelta(days=n) for n in range(len(days))], (job.schedule, runs[job.pk])
        assert len(days) >= (until - since).days - 1
        n_checked += 1
    assert n_checked > 0


def _days(job: Job, time: tuple[int, int], instants: list[datetime]) -> list[date]:
    """Return the local day of each run: by the rules, old or new, under which its instant has the schedule's time."""
    found = []
    for instant in instants:
        for name in (job.schedule["timezone"], name_in(job.schedule["timezone"], OLD)):
            local = instant.astimezone(zone(name))
            if (local.hour, local.minute) == time:
                found.append(local.date())
                break
        else:
            pytest.fail(f"{instant} is not {time} in {job.schedule['timezone']}")
    return found


@pytest.fixture
def older(tmp_path: Path) -> Iterator[OtherBeat]:
    """A beat with older time zone data, which have been in force since the jobs were created."""
    with OtherBeat(tmp_path, OLD, CHANGED) as beat:
        assert beat.do("version", START) == OLD
        assert beat.do("adopt", START)
        assert versions.in_force() == OLD
        yield beat


def test_an_upgrade_under_10_000_jobs_names_each_occurrence_once(older: OtherBeat) -> None:
    make_jobs(10_000)
    for past in range(0, 37, 3):
        while older.do("tick", at(past)):
            pass
    upgraded_at = at(38.5)  # two and a half hours after the last pass: occurrences wait
    assert adopt(upgraded_at)
    assert recompute(recompute_once, upgraded_at) == 10_000
    for hour in (38.5, 39, 41, 44, 48, 54, 60, 72):
        tick_here(at(hour))
        recompute(recompute_once, at(hour))
    check_ledgers(at(72))
    check_local_days(START, at(72))
    watch_once(at(72), 2000)
    assert not Stoppage.objects.exists()
    limited = Job.objects.filter(schedule__max_runs=2)
    assert {Run.objects.filter(job=job).count() for job in limited[:20]} == {2}


def test_a_downtime_over_the_upgrade_loses_and_doubles_nothing(older: OtherBeat) -> None:
    make_jobs(300)
    for hour in (6, 12, 18):
        while older.do("tick", at(hour)):
            pass
    adopt(at(60))
    recompute(recompute_once, at(60))
    for hour in (60, 66, 72, 84):
        tick_here(at(hour))
    check_ledgers(at(84))
    check_local_days(START, at(84))


def test_beats_of_both_versions_take_turns(older: OtherBeat) -> None:
    """A rolling upgrade: both beats tick, before and while the next instants are computed anew, and after."""
    make_jobs(300)
    while older.do("tick", at(30)):
        pass
    tick_here(at(31))  # the newer beat has not put its version in force yet: it calculates by the older one
    assert set(Job.objects.values_list("zone_data", flat=True)) == {OLD}
    adopt(at(32))
    BeatProcess.objects.create(
        name="new", started_at=at(32), seen_at=at(100), clock_ahead=timedelta(0), zone_data=OWN_VERSION
    )
    for hour in range(32, 73):
        assert not older.do("adopt", at(hour))
        if hour % 2:
            while older.do("tick", at(hour)):
                pass
        else:
            tick_here(at(hour))
        if hour > 34:
            older.do("recompute", at(hour))
    assert set(Job.objects.exclude(state="ended").values_list("zone_data", flat=True)) == {NEW}
    check_ledgers(at(72))
    check_local_days(START, at(72))


def test_a_roll_back_loses_and_doubles_nothing(older: OtherBeat) -> None:
    make_jobs(300)
    while older.do("tick", at(30)):
        pass
    adopt(at(31))
    recompute(recompute_once, at(31))
    for hour in (31, 34, 38, 40.5):
        tick_here(at(hour))
    assert older.do("adopt", at(40.75))
    while older.do("recompute", at(40.75)):
        pass
    for hour in (40.75, 42, 48, 60, 72):
        while older.do("tick", at(hour)):
            pass
    check_ledgers(at(72))
    check_local_days(START, at(72))
