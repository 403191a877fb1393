"""A schedule that can never fire is refused with the field to change; every other schedule is accepted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from schedules.clock.reading.schedule import parse
from schedules.clock.spec import InvalidSchedule

BETWEEN = "does not fire between start_at 2027-03-01T00:00:00Z and end_at 2027-03-02T00:00:00Z: "
MARCH_1 = {"start_at": "2027-03-01T00:00:00Z", "end_at": "2027-03-02T00:00:00Z"}


def errors_of(**data: object) -> dict[str, list[str]]:
    """Return the errors of a schedule; an empty dict if it is accepted."""
    try:
        parse(data, min_interval=timedelta(0))
    except InvalidSchedule as error:
        return error.errors
    return {}


def every(start_at: str, end_at: str) -> dict[str, object]:
    """A schedule that fires at noon UTC each day, within bounds."""
    return {"every": "1d", "anchor_at": "2027-01-01T12:00Z", "start_at": start_at, "end_at": end_at}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        pytest.param({"cron": "0 9 4 3 *", **MARCH_1}, "cron", id="cron"),
        pytest.param({"every": "7d", "anchor_at": "2027-03-03T00:00Z", **MARCH_1}, "every", id="every"),
        pytest.param({"solar": "sunrise", "latitude": 89, "longitude": 0, **MARCH_1}, "solar", id="solar"),
    ],
)
def test_a_schedule_that_fires_outside_its_bounds_only_is_refused(data: dict[str, object], field: str) -> None:
    assert errors_of(**data) == {field: [BETWEEN + "change start_at, end_at or the schedule."]}


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param({"start_at": "2027-03-01T09:00Z", "end_at": "2027-03-01T09:00:01Z"}, id="at start_at"),
        pytest.param({"start_at": "2027-03-01T08:59:59Z", "end_at": "2027-03-01T09:00Z"}, id="at end_at"),
    ],
)
def test_a_cron_schedule_that_fires_at_one_of_its_bounds_is_accepted(bounds: dict[str, str]) -> None:
    assert errors_of(cron="0 9 * * *", **bounds) == {}


@pytest.mark.parametrize(
    ("bounds", "is_refused"),
    [
        pytest.param(("2027-03-01T12:00Z", "2027-03-01T13:00Z"), False, id="fires at start_at"),
        pytest.param(("2027-03-01T11:00Z", "2027-03-01T12:00Z"), False, id="fires at end_at"),
        pytest.param(("2027-03-01T11:00Z", "2027-03-01T11:59:59Z"), True, id="ends one second too early"),
        pytest.param(("2027-03-01T12:00:01Z", "2027-03-02T11:59:59Z"), True, id="starts one second too late"),
        pytest.param(("2026-03-01T11:00Z", "2026-03-01T12:00Z"), False, id="fires before its anchor"),
        pytest.param(("2026-03-01T12:30Z", "2026-03-02T11:30Z"), True, id="not before its anchor"),
    ],
)
def test_an_interval_is_checked_against_its_bounds_to_the_second(bounds: tuple[str, str], is_refused: bool) -> None:
    assert bool(errors_of(**every(*bounds))) is is_refused


def test_an_interval_without_an_anchor_is_accepted_whatever_its_bounds() -> None:
    assert errors_of(every="7d", **MARCH_1) == {}


def test_one_bound_alone_leaves_a_yearly_schedule_accepted() -> None:
    assert errors_of(cron="0 0 1 1 *", start_at="2027-01-02T00:00Z") == {}
    assert errors_of(cron="0 0 29 2 *", start_at="2096-03-01T00:00Z") == {}


@pytest.mark.parametrize("latitude", [90, -90])
def test_an_event_that_a_place_never_has_is_refused_with_its_latitude(latitude: int) -> None:
    assert errors_of(solar="sunrise", latitude=latitude, longitude=0) == {
        "solar": [f"never happens at latitude {latitude}: choose another event or place."]
    }
    assert errors_of(solar="solar_noon", latitude=latitude, longitude=0) == {}


def test_a_time_that_each_clock_change_skips_never_fires_with_the_policy_skip() -> None:
    # Clocks in New York go forward at 02:00 on the second Sunday of March, so 02:30 never exists on that Sunday.
    skipped = {"cron": "30 2 * 3 SUN#2", "timezone": "America/New_York"}
    assert errors_of(**skipped, dst_gap="skip") == {
        "cron": ['never fires: clock changes skip each of its local times. Set dst_gap to "shift".']
    }
    assert errors_of(**skipped, dst_gap="shift") == {}
    assert errors_of(**{**skipped, "timezone": "UTC"}, dst_gap="skip") == {}


def test_a_schedule_may_lie_wholly_in_the_past() -> None:
    # Whether a job may still use it is decided when the job is saved.
    assert errors_of(cron="@daily", start_at="2001-01-01T00:00Z", end_at="2001-02-01T00:00Z") == {}


def test_times_with_a_star_that_each_clock_change_skips_never_fire() -> None:
    # Clocks in New York skip 02:00 to 03:00 on the Sunday from the 8th to the 14th of March.
    skipped = {"cron": "*/30 2 8-14 3 */7", "timezone": "America/New_York"}
    never = (
        "never fires: clock changes skip each of its local times. Name times without * in the minute and hour fields."
    )
    assert errors_of(**skipped) == {"cron": [never]}
    assert errors_of(**skipped | {"cron": "*/30 2-3 8-14 3 */7"}) == {}


@pytest.mark.parametrize("more", [{}, {"dst_gap": "skip"}, {"start_at": "2030-01-01T00:00Z"}])
@pytest.mark.parametrize("cron", ["* * * * * ? 1999", "0 30 2 1 1 ? 1999"])
def test_an_expression_whose_years_are_over_is_read(cron: str, more: dict[str, str]) -> None:
    """A stored schedule must stay readable after its last year."""
    assert errors_of(cron=cron, timezone="America/New_York", **more) == {}
