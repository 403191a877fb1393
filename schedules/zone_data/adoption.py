"""A beat puts its version of the time zone data in force, and the next instants of all jobs are computed anew.

Each job keeps the version by which its clock was computed, and every process can calculate by any stored version. So a
job's rows and its mark are always consistent: only a tick, under the row lock, changes the job to the version in force
(`Plan.changed`). The recomputation here only moves `next_run_at` to the instant at which that tick is due.
"""

from __future__ import annotations

import sysconfig
import time
from datetime import timedelta
from os import pathsep
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from django.db import transaction

from schedules.clock.rule_change import find_rules
from schedules.clock.zones import data
from schedules.clock.zones.zones import has_other_rules
from schedules.models import BeatProcess, Job, ZoneDataInForce
from schedules.models.beat_process import LIVING_AFTER
from schedules.stored import read_clock, read_schedule
from schedules.zone_data import queries, versions
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

log = structlog.get_logger(__name__)

JOBS_PER_STEP = 1000  # due jobs wait during a step
# A step also ends when it has taken this long: comparing two versions of all zones takes seconds, and PostgreSQL
# ends a transaction in which the beat sends no statement for 4 s (`schedules.queries.LIMIT_LOCK_WAITS`).
MAX_STEP_SECONDS = 1.0
JOBS_PER_PART = 20  # of a step; the time is read after each part; comparing one zone takes 5 ms or more
# Later rounds find jobs that another process was changing during an earlier round.
ROUNDS_AFTER = (timedelta(seconds=10), timedelta(minutes=1))
_FIRST_ID = UUID(int=0)


def adopt(now: datetime) -> bool:
    """Put the version of this process in force, if it is newer, or if no living beat has the version in force.

    Return whether it was put in force. Until then, this process calculates by the version in force.
    """
    with transaction.atomic():
        ZoneDataInForce.objects.bulk_create([ZoneDataInForce(pk=1, version="", since_at=now)], ignore_conflicts=True)
        queries.lock_in_force()
        row = ZoneDataInForce.objects.get()
        before = row.version
        if before == data.OWN_VERSION or (before > data.OWN_VERSION and _has_living_beat(before, now)):
            return False
        versions.store_own(now)
        if not before and Job.objects.filter(zone_data="").exists():
            versions.store("", data.pack(data.rules_in(_folders_of_machine())), now)
        # Before the first beat, a web process may have used another version.
        is_needed = before or Job.objects.exclude(zone_data=data.OWN_VERSION).exists()
        row.version, row.since_at, row.due_at = data.OWN_VERSION, now, now if is_needed else None
        row.last_job_id, row.n_rounds, row.n_checked, row.n_moved = _FIRST_ID, 0, 0, 0
        row.save()
    log.info("timezone_data_in_force", action="beat", version=data.OWN_VERSION, before=before)
    return True


def recompute_once(now: datetime) -> int:
    """Compute the next instants of the next jobs anew, if a step is due. Return how many jobs were checked.

    A step checks `JOBS_PER_STEP` jobs, or fewer if that takes longer than `MAX_STEP_SECONDS`. Only jobs whose zones
    have changed get a new next instant. A later round begins at the first job again.
    """
    with transaction.atomic():
        if not queries.lock_due_recomputation(now):
            return 0
        row = ZoneDataInForce.objects.get()
        page = queries.page_of_jobs(row.last_job_id, JOBS_PER_STEP)
        n_checked, n_moved = _recompute(page, row.version, now)
        row.n_checked += n_checked
        row.n_moved += n_moved
        if n_checked == len(page) < JOBS_PER_STEP:
            _end_round(row, now)
        else:
            row.last_job_id = page[n_checked - 1].id
        row.save()
    return n_checked


def _end_round(row: ZoneDataInForce, now: datetime) -> None:
    log.info(
        "timezone_data_applied",
        action="beat",
        version=row.version,
        round=row.n_rounds + 1,
        n_checked=row.n_checked,
        n_moved=row.n_moved,
    )
    row.due_at = now + ROUNDS_AFTER[row.n_rounds] if row.n_rounds < len(ROUNDS_AFTER) else None
    row.last_job_id, row.n_checked, row.n_moved = _FIRST_ID, 0, 0
    row.n_rounds += 1


def _recompute(page: Sequence[queries.JobZones], version: str, now: datetime) -> tuple[int, int]:
    """Move the next instants of the first jobs in `page`, if their zones have changed.

    Return how many jobs were checked in `MAX_STEP_SECONDS`, and how many of these were moved.
    """
    versions.load({version, *(job.version for job in page)})
    began = time.monotonic()
    n_checked = n_moved = 0
    while n_checked < len(page):
        part = page[n_checked : n_checked + JOBS_PER_PART]
        n_moved += _recompute_part(part, version, now)
        n_checked += len(part)
        if time.monotonic() - began >= MAX_STEP_SECONDS:
            break
    return n_checked, n_moved


def _recompute_part(part: Iterable[queries.JobZones], version: str, now: datetime) -> int:
    found = [job.id for job in part if job.version != version and _is_in_changed_zone(job, version, now)]
    moved = []
    for clock in queries.clocks(found) if found else ():
        try:
            next_run_at = _next_run_at(clock, version, now)
        except Exception:
            # One job must not stop the recomputation of all later jobs.
            log.exception("job_not_recomputed", action="recompute", job=str(clock.id))
            continue
        if next_run_at not in (None, clock.next_run_at):
            moved.append((clock, next_run_at))
    return queries.move(moved) if moved else 0


def _next_run_at(clock: queries.StoredClock, version: str, now: datetime) -> datetime | None:
    """Return the next instant of a job by this version; None if it stays or cannot be computed, which a tick reports.

    A job without a next instant is due now: a tick then ends it.
    """
    spec = value_or_none(read_schedule(clock.schedule))
    if spec is None:
        return None
    rules = find_rules(spec, read_clock(clock.zone_data, clock.holds), version, clock.mark_at, now)
    return (rules.next_at() or now) if rules.changed else None


def _is_in_changed_zone(job: queries.JobZones, version: str, now: datetime) -> bool:
    zones = {job.zone, *job.zones}
    try:
        return job.version is not None and any(
            has_other_rules(zone, job.version, version, now.year) for zone in zones if zone
        )
    except ValueError:  # this process does not know the zone: a tick reports that it cannot read the job
        return False


def _has_living_beat(version: str, now: datetime) -> bool:
    return BeatProcess.objects.filter(zone_data=version, seen_at__gt=now - LIVING_AFTER).exists()


def _folders_of_machine() -> list[str]:
    """Return the folders with the machine's time zone data, which versions before this table existed have read."""
    return (sysconfig.get_config_var("TZPATH") or "").split(pathsep)
