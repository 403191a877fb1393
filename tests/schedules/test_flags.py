"""Proves that no occurrence starts while its job's feature flag is off, and how often a pass reads flags."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.models import Run
from schedules import flags, triggers
from schedules.exceptions import FlagInUse, InvalidDefinition
from schedules.jobs.validation import validate
from schedules.models import FeatureFlag, Job
from schedules.passes.follow_ups import follow_once
from schedules.tick import tick
from tests.factories import ECHO, NOW, end, make_flag, make_job, make_run

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
FLAGGED = {"feature_flag": "new-billing", "overlap": "allow"}


def at(minute: int) -> datetime:
    return NOW + minute * MINUTE


def shown(**wanted: object) -> list[str]:
    return [f"{run.status} {run.reason}".strip() for run in Run.objects.filter(**wanted).order_by("nominal_at")]


def test_a_change_of_a_flag_applies_to_the_next_occurrence() -> None:
    make_flag(is_on=False)
    job = make_job(policies=FLAGGED)
    for minute, is_on in ((1, False), (2, True), (3, False)):
        make_flag(is_on=is_on)
        tick(at(minute), 10)
    assert shown() == ["skipped feature_off", "queued", "skipped feature_off"]
    assert Job.objects.get(pk=job.pk).n_scheduled == 1


def test_a_deleted_flag_counts_as_off() -> None:
    make_flag(is_on=True)
    make_job(policies=FLAGGED)
    FeatureFlag.objects.all().delete()
    tick(at(1), 10)
    assert shown() == ["skipped feature_off"]


def test_a_run_by_hand_starts_even_if_the_flag_is_off() -> None:
    make_flag(is_on=False)
    job = make_job(policies=FLAGGED)
    assert triggers.run_now(job, NOW, actor="ann").status == "queued"


def test_a_chained_job_does_not_start_while_its_flag_is_off() -> None:
    make_flag(is_on=False)
    source = make_job("source", {"kind": "none"})
    follower = make_job("follower", {"kind": "none"}, start_after=[{"job": str(source.pk)}], policies=FLAGGED)
    for minute, is_on in ((1, False), (2, True)):
        make_flag(is_on=is_on)
        end(make_run(source, at(minute)))
        follow_once(at(minute + 1), 10)
    assert shown(job=follower) == ["skipped feature_off", "queued"]


def test_the_reason_paused_comes_before_feature_off_and_that_before_overlap() -> None:
    make_flag(is_on=False)
    job = make_job(policies={"feature_flag": "new-billing"})
    make_run(job, NOW - MINUTE)
    triggers.pause(job.pk, NOW, actor="ann")
    triggers.resume(job.pk, at(1), actor="ann")
    tick(at(2), 10)
    assert shown(nominal_at__gt=NOW) == ["skipped paused", "skipped feature_off"]


def test_a_pass_reads_flags_in_one_query_and_only_if_a_job_names_one() -> None:
    def n_queries(minute: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            tick(at(minute), 100)
        return sum("featureflag" in (query["sql"] or "") for query in captured.captured_queries)

    for number in range(3):
        make_job(f"plain {number}")
    assert n_queries(1) == 0
    for name in ("one", "two"):
        make_flag(name, is_on=True)
        for number in range(3):
            make_job(f"{name} {number}", now=at(1), policies={"feature_flag": name})
    assert n_queries(2) == 1


@pytest.mark.parametrize(
    ("name", "part"),
    [("unknown", "no feature flag “unknown”"), ("a b", "pattern"), ("", "pattern"), (5, "must be a string")],
)
def test_a_job_cannot_name_a_flag_that_does_not_exist(name: object, part: str) -> None:
    with pytest.raises(InvalidDefinition) as refusal:
        validate({"name": "x", "target": ECHO, "policies": {"feature_flag": name}}, NOW)
    assert part in refusal.value.errors["policies.feature_flag"][0]


def test_a_flag_that_a_job_names_cannot_be_deleted() -> None:
    make_flag()
    make_job(policies=FLAGGED)
    make_job("other")
    assert flags.count_jobs_naming(["new-billing", "other"]) == {"new-billing": 1}
    with pytest.raises(FlagInUse, match="1 job uses this flag"):
        flags.delete("new-billing", actor="ann")
    assert flags.exists("new-billing")
