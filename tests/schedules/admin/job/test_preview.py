"""The preview shows the next runs in two time zones, with jitter, clock changes and the end of the schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from schedules.admin.job.preview import N_FIRES, NO_SPREAD, Spread, preview_form, preview_schedule
from schedules.clock.reading.schedule import parse
from schedules.clock.spec import ScheduleSpec
from tests.factories import NOW

JOB_ID = UUID(int=1)
NEW_YORK: dict[str, Any] = {"cron": "30 2 * * *", "timezone": "America/New_York"}


def spec(**data: object) -> ScheduleSpec:
    return parse(data, min_interval=timedelta(0))


def shown(now: datetime = NOW, spread: Spread = NO_SPREAD, n_left: int | None = None, **data: Any) -> dict[str, Any]:
    with timezone.override(UTC):
        return preview_schedule(spec(**data), now, n_left=n_left, spread=spread)


def test_each_run_is_shown_in_its_own_time_zone_and_in_that_of_the_viewer() -> None:
    with timezone.override(ZoneInfo("Asia/Tokyo")):
        context = preview_schedule(spec(cron="30 9 * * *", timezone="Europe/Berlin"), NOW)
    first = context["fires"][0]
    assert (first.local, first.mine) == ("Sat 21 Nov 09:30:00 CET", "Sat 21 Nov 17:30:00 JST")
    assert (first.relative, first.starts, first.marks) == ("in 20 h", "", [])
    assert (context["zone"], context["my_zone"], context["is_elsewhere"]) == ("Europe/Berlin", "Asia/Tokyo", True)


def test_a_viewer_whose_clock_shows_the_same_time_is_not_elsewhere() -> None:
    with timezone.override(ZoneInfo("Europe/Paris")):
        assert preview_schedule(spec(cron="@daily", timezone="Europe/Berlin"), NOW)["is_elsewhere"] is False


def test_the_year_is_shown_only_for_another_year() -> None:
    lines = [line.local for line in shown(cron="0 0 1 12,1 *")["fires"]]
    assert lines[:2] == ["Tue 1 Dec 00:00:00 UTC", "Fri 1 Jan 2027 00:00:00 UTC"]


def test_a_fraction_of_a_second_is_shown_in_milliseconds() -> None:
    (line,) = shown(at="2026-11-20T12:00:05.0425Z")["fires"]
    assert line.local == "Fri 20 Nov 12:00:05.042 UTC"


@pytest.mark.parametrize(
    ("data", "n_left", "n_fires", "is_all"),
    [
        pytest.param({"cron": "* * * * *"}, None, N_FIRES, False, id="without an end"),
        pytest.param({"cron": "* * * * *", "max_runs": 3}, None, 3, True, id="max_runs"),
        pytest.param({"cron": "* * * * *", "max_runs": N_FIRES}, None, N_FIRES, True, id="max_runs as many as shown"),
        pytest.param({"cron": "* * * * *", "max_runs": 50}, None, N_FIRES, False, id="max_runs beyond the list"),
        pytest.param({"cron": "* * * * *", "max_runs": 50}, 2, 2, True, id="two runs left"),
        pytest.param({"cron": "* * * * *", "max_runs": 50}, 0, 0, True, id="no run left"),
        pytest.param({"cron": "* * * * *", "end_at": "2026-11-20T12:04Z"}, None, 4, True, id="an end"),
        pytest.param({"at": "2026-11-21T00:00Z"}, None, 1, True, id="once"),
        pytest.param({"delay": "1h"}, None, 1, False, id="a delay"),
        pytest.param({"kind": "none"}, None, 0, False, id="none"),
    ],
)
def test_the_preview_ends_with_the_runs_and_says_so(
    data: dict[str, Any], n_left: int | None, n_fires: int, is_all: bool
) -> None:
    context = shown(n_left=n_left, **data)
    assert (len(context["fires"]), context["is_all"]) == (n_fires, is_all)


def test_only_a_job_without_a_schedule_is_by_hand() -> None:
    assert shown(kind="none")["is_by_hand"] is True
    assert shown(delay="1h")["is_by_hand"] is False


def test_an_interval_without_an_anchor_counts_from_its_start_or_else_from_now() -> None:
    assert shown(every="1h")["fires"][0].local == "Fri 20 Nov 13:00:00 UTC"
    assert shown(every="1h", start_at="2026-11-20T12:30Z")["fires"][0].local == "Fri 20 Nov 12:30:00 UTC"


def test_a_moved_and_a_repeated_time_are_marked() -> None:
    before_spring = datetime(2027, 3, 13, 12, tzinfo=UTC)
    first = shown(before_spring, **NEW_YORK)["fires"][0]
    assert first.local == "Sun 14 Mar 03:00:00 EDT"
    assert [label for label, _ in first.marks] == ["moved"]
    before_autumn = datetime(2027, 11, 7, 4, 30, tzinfo=UTC)
    repeated: dict[str, Any] = {"cron": "30 1 * * *", "timezone": "America/New_York", "dst_fold": "both"}
    lines = shown(before_autumn, **repeated)["fires"][:2]
    assert [(line.local, line.marks[0][0]) for line in lines] == [
        ("Sun 7 Nov 01:30:00 EDT", "1st of two"),
        ("Sun 7 Nov 01:30:00 EST", "2nd of two"),
    ]


def test_a_clock_change_is_listed_either_as_a_warning_or_as_a_change() -> None:
    harmless = shown(**(NEW_YORK | {"cron": "0 12 * * *"}))
    assert len(harmless["changes"]) == 2
    assert harmless["warnings"] == []
    moved = shown(**NEW_YORK)
    assert len(moved["changes"]) == 1
    assert any("02:30 does not exist that day" in text for text in moved["warnings"])


def test_several_schedules_in_one_zone_name_it_and_in_several_zones_do_not() -> None:
    members: list[dict[str, object]] = [{"cron": "0 9 * * *"}, {"cron": "0 17 * * *"}]
    assert shown(specs=members, timezone="Asia/Tokyo")["zone"] == "Asia/Tokyo"
    assert shown(specs=[members[0], members[1] | {"timezone": "Asia/Tokyo"}])["zone"] == "In each schedule's time zone"


def test_a_job_that_is_not_saved_shows_the_latest_start_of_its_jitter() -> None:
    (line, *_) = shown(spread=Spread(timedelta(seconds=30), None), cron="* * * * *")["fires"]
    assert line.starts == "starts up to 30 s later"
    (line, *_) = shown(spread=Spread(timedelta(minutes=5), None), cron="* * * * *")["fires"]
    assert line.starts == "starts up to 1 min later", "no run starts later than the next occurrence"


def test_a_saved_job_shows_when_its_run_starts() -> None:
    (line, *_) = shown(spread=Spread(timedelta(seconds=30), JOB_ID), cron="0 13 * * *")["fires"]
    assert line.starts.startswith("starts 13:00:")
    assert "13:00:00" <= line.starts.removeprefix("starts ") < "13:00:30"


def test_a_start_on_the_next_day_is_shown_with_its_date() -> None:
    spread = Spread(timedelta(hours=24), JOB_ID)
    starts = [line.starts for line in shown(spread=spread, cron="0 23 * * MON")["fires"]]
    assert any(" Tue " in text for text in starts)
    assert all(text.startswith(("starts Tue ", "starts 23:")) for text in starts)


def form(**values: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    with timezone.override(UTC):
        return preview_form({"schedule_kind": "cron", "timezone": "UTC", **values}, NOW)


def test_the_form_with_a_valid_schedule_has_no_errors() -> None:
    context, errors = form(cron="0 13 * * *", start_jitter="30s")
    assert errors == {}
    assert context["fires"][0].local == "Fri 20 Nov 13:00:00 UTC"
    assert context["fires"][0].starts == "starts up to 30 s later"


@pytest.mark.parametrize("jitter", ["nonsense", "-5s", "", "0"])
def test_a_jitter_that_cannot_be_read_leaves_the_preview_without_one(jitter: str) -> None:
    context, errors = form(cron="0 13 * * *", start_jitter=jitter)
    assert errors == {}
    assert context["fires"][0].starts == ""


def test_a_mistake_is_reported_at_its_field_of_the_form() -> None:
    context, errors = form(cron="75 * * * *")
    assert errors == context["errors"] == {"cron": ["Minute: 75 is not in 0-59."]}
    assert context["is_empty"] is False


def test_an_untouched_form_is_empty() -> None:
    context, _ = form(cron="")
    assert context["is_empty"] is True
