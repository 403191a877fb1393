"""Proves what becomes of a job's occurrences in one pass, without a database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from executions.policies.overlap import LiveRuns
from schedules.clock.zones.data import OWN_VERSION
from schedules.planning import Plan, plan
from schedules.queries import DueJob
from schedules.stored import read_policies
from tests.factories import EVERY_MINUTE, NOW

if TYPE_CHECKING:
    from pytest_django import Settings

MINUTE = timedelta(minutes=1)
GRACE = timedelta(seconds=5)


def at(minute: float) -> datetime:
    return NOW + minute * MINUTE


def planned(now: datetime, **policies: Any) -> Plan:
    """Plan a pass over a job that runs each minute and was last handled at noon. Its fixed id fixes its jitter."""
    job = DueJob(
        id=UUID(int=1),
        scope_id=1,
        spec_id=1,
        name="greeting",
        mark_at=NOW,
        next_run_at=at(1),
        resumed_at=None,
        n_scheduled=0,
        caught_up_at=None,
        catch_up_begun=False,
        schedule=json.dumps({"kind": "cron", **EVERY_MINUTE}),
        policies=json.dumps({"overlap": "allow", **policies}),
        target_kind="command",
        target="{}",
        catch_up_from_at=None,
        catch_up_until_at=None,
        zone_data=OWN_VERSION,
        holds=None,
        zone_data_in_force=OWN_VERSION,
    )
    return plan(job, read_policies(job.policies), now, LiveRuns())


def test_an_occurrence_exactly_as_old_as_the_grace_is_not_caught_up() -> None:
    now = at(1) + GRACE
    made = planned(now, jitter="1m")
    (run,) = made.new_runs
    assert run.available_at is not None and run.available_at > now
    assert made.move.caught_up_at is None


def test_an_occurrence_exactly_as_old_as_the_grace_does_not_count_as_missed(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, chunk_size=3)
    made = planned(at(4) + GRACE, catch_up={"mode": "all", "max_runs": 2})
    assert [(run.nominal_at, run.reason) for run in made.new_runs] == [(at(1), "missed"), (at(2), None), (at(3), None)]
