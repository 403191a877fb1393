"""The member `schedule` of a job is read with its first instant, and a schedule that is past is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schedules.clock.anchors import ONCE_GRACE
from schedules.clock.spec import Kind
from schedules.exceptions import InvalidDefinition
from schedules.jobs.schedule_shape import Schedule, read_schedule, validate_schedule
from tests.factories import NOW, make_job

if TYPE_CHECKING:
    from pytest_django import Settings


def refused(value: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidDefinition) as caught:
        read_schedule(value, NOW)
    return caught.value.errors


@pytest.mark.parametrize(
    ("value", "first_at"),
    [
        pytest.param({"cron": "0 * * * *"}, NOW + timedelta(hours=1), id="cron excludes now"),
        pytest.param({"cron": "0 * * * *", "start_at": "2026-12-01"}, datetime(2026, 12, 1, tzinfo=UTC), id="start_at"),
        pytest.param({"every": "15m"}, NOW + timedelta(minutes=15), id="an interval counts from now"),
        pytest.param({"delay": "15m"}, NOW, id="a delay is due at once"),
        pytest.param({"at": "2026-11-20T11:59:30Z"}, NOW - timedelta(seconds=30), id="an instant of a moment ago"),
        pytest.param([{"cron": "0 * * * *"}, {"cron": "5 * * * *"}], NOW + timedelta(minutes=5), id="a list"),
        pytest.param({"kind": "none"}, None, id="none"),
        pytest.param(None, None, id="null"),
    ],
)
def test_a_new_schedule_is_read_with_its_first_instant(value: object, first_at: datetime | None) -> None:
    assert read_schedule(value, NOW)[1] == first_at


def test_no_schedule_is_the_kind_none() -> None:
    assert read_schedule(None, NOW)[0].kind is Kind.NONE


@pytest.mark.parametrize("value", ["0 9 * * *", 5, True, ""], ids=repr)
def test_a_schedule_that_is_no_object_is_refused_with_examples(value: object) -> None:
    ((field, (sentence,)),) = refused(value).items()
    assert field == "schedule"
    assert sentence.startswith('A schedule is an object such as {"cron": "0 9 * * *"}')


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        pytest.param(
            {"cron": "75 * * * *", "timezone": "Mars"}, ["schedule.cron", "schedule.timezone"], id="two fields"
        ),
        pytest.param([{"cron": "75 * * * *"}, {"every": "1h"}], ["schedule.specs.0.cron"], id="a member of a list"),
        pytest.param({"colour": "red", "every": "1h"}, ["schedule.colour"], id="an unknown field"),
    ],
)
def test_each_wrong_field_is_named_under_schedule(value: object, fields: list[str]) -> None:
    assert sorted(refused(value)) == fields


@pytest.mark.parametrize(
    ("value", "field"),
    [
        pytest.param({"cron": "@daily", "end_at": "2026-11-20T12:00Z"}, "schedule.end_at", id="an end now"),
        pytest.param({"cron": "@daily", "end_at": "2026-11-20T18:00Z"}, "schedule.cron", id="an end before the next"),
        pytest.param({"every": "1h", "end_at": "2026-11-20T12:30Z"}, "schedule.every", id="an interval beyond its end"),
    ],
)
def test_a_schedule_that_is_past_is_refused_at_the_field_to_change(value: object, field: str) -> None:
    assert refused(value) == {
        field: ["The schedule has no occurrence after 2026-11-20 12:00:00 UTC: give a later time, year or end."]
    }


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"at": "2026-11-01T09:00:00Z"}, "1 November 2026 at 09:00 UTC is in the past: give a later time."),
        (
            {"at": "2026-11-01T09:00:30", "timezone": "America/New_York"},
            "1 November 2026 at 09:00:30 EST is in the past: give a later time.",
        ),
        ({"at": "2026-11-20T11:58:59Z"}, "20 November 2026 at 11:58:59 UTC is in the past: give a later time."),
    ],
)
def test_a_single_instant_in_the_past_is_named_in_its_time_zone(value: object, sentence: str) -> None:
    assert refused(value) == {"schedule.at": [sentence]}


def test_an_instant_may_be_as_old_as_the_grace_and_no_older() -> None:
    oldest = NOW - ONCE_GRACE + timedelta(microseconds=1)
    assert read_schedule({"at": oldest.isoformat()}, NOW)[1] == oldest
    assert "schedule.at" in refused({"at": (NOW - ONCE_GRACE).isoformat()})


@pytest.mark.django_db
def test_the_schedule_that_a_job_has_stays_valid_after_its_end() -> None:
    schedule: dict[str, Any] = {"every": "1h", "end_at": "2026-11-20T18:00Z"}
    job = make_job(schedule=schedule)
    later = NOW + timedelta(days=1)
    assert read_schedule(schedule, later, job) == (job.schedule_spec, None)
    with pytest.raises(InvalidDefinition):
        read_schedule(schedule | {"every": "2h"}, later, job)


@pytest.mark.django_db
def test_a_raised_minimum_interval_refuses_new_schedules_only(settings: Settings) -> None:
    job = make_job(schedule={"every": "5s"})
    settings.MAINSPRING = type(settings.MAINSPRING)(min_interval=timedelta(seconds=10))
    assert read_schedule({"every": "5s"}, NOW, job)[0] == job.schedule_spec
    assert refused({"every": "5s"}) == {"schedule.every": ["must be at least 10s."]}


def test_a_schedule_without_a_job_gets_an_anchor_for_each_interval() -> None:
    assert validate_schedule({"every": "1h"}, NOW).anchor_at == NOW
    members = validate_schedule([{"every": "1h"}, {"every": "2h", "start_at": "2026-12-01"}], NOW).specs
    assert [each.anchor_at for each in members] == [NOW, datetime(2026, 12, 1, tzinfo=UTC)]


def test_the_documented_members_are_those_that_the_reader_knows() -> None:
    for name in Schedule.model_fields:
        errors = refused({name: {}})
        assert not any("is not a field of a schedule" in text for text in errors.get(f"schedule.{name}", ())), errors
