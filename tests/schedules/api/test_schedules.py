"""Proves what previews and validations of a schedule return, clock changes and jitter included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.documented import fields_of, problem_of

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

PREVIEW, VALIDATE = "/api/v1/schedules/preview", "/api/v1/schedules/validate"
NEW_YORK = {"cron": "30 2 * * *", "timezone": "America/New_York"}


def preview(api: DocumentedClient, schedule: Any, **more: Any) -> dict[str, Any]:
    response = api.send("POST", PREVIEW, {"schedule": schedule, **more})
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_a_preview_has_instants_in_three_zones_and_marks_a_moved_one(api: DocumentedClient) -> None:
    body = preview(api, NEW_YORK, after="2027-03-13T00:00:00Z", count=2, timezone="Europe/Paris")

    assert body["fires"] == [
        {
            "at": "2027-03-13T07:30:00Z",
            "local": "2027-03-13T02:30:00-05:00",
            "in_viewer_zone": "2027-03-13T08:30:00+01:00",
            "marks": [],
            "starts_at": None,
            "starts_before": None,
        },
        {
            "at": "2027-03-14T07:00:00Z",
            "local": "2027-03-14T03:00:00-04:00",
            "in_viewer_zone": "2027-03-14T08:00:00+01:00",
            "marks": ["gap"],
            "starts_at": None,
            "starts_before": None,
        },
    ]


def test_a_preview_explains_the_clock_changes_of_the_next_year(api: DocumentedClient) -> None:
    changes = preview(api, NEW_YORK, after="2026-11-21T00:00:00Z")["dst_changes"]

    assert [(change["kind"], change["at"], change["affected"]) for change in changes] == [
        ("gap", "2027-03-14T07:00:00Z", True),
        ("fold", "2027-11-07T06:00:00Z", False),
    ]
    assert "02:30" in changes[0]["text"]
    assert "25 hours" in changes[1]["text"]


def test_a_preview_of_0230_in_new_york_explains_the_gap_and_the_fold(api: DocumentedClient) -> None:
    schedule = {"cron": "0 30 2 * * *", "timezone": "America/New_York"}
    gap, fold = preview(api, schedule, after="2026-03-01T00:00:00Z", count=1)["dst_changes"]

    assert (gap["kind"], gap["at"], gap["affected"]) == ("gap", "2026-03-08T07:00:00Z", True)
    assert [(fire["local"], fire["marks"]) for fire in gap["fires"]] == [("2026-03-08T03:00:00-04:00", ["gap"])]
    assert (fold["kind"], fold["at"], fold["affected"]) == ("fold", "2026-11-01T06:00:00Z", False)
    assert "02:00 to 01:00" in fold["text"], "02:30 itself occurs once that night"


@pytest.mark.parametrize(("dst_gap", "on_8_march"), [("shift", [("2026-03-08T03:00:00-04:00", ["gap"])]), ("skip", [])])
@pytest.mark.parametrize(
    ("dst_fold", "once_more"), [("first", []), ("both", [("2026-11-01T01:30:00-05:00", ["fold_second"])])]
)
def test_a_preview_marks_the_effect_of_each_policy_in_gap_and_fold(
    api: DocumentedClient, dst_gap: str, on_8_march: list[Any], dst_fold: str, once_more: list[Any]
) -> None:
    schedule = {
        "cron": "0 30 1,2 1,8 3,11 *",  # around both clock changes of 2026
        "timezone": "America/New_York",
        "dst_gap": dst_gap,
        "dst_fold": dst_fold,
    }
    body = preview(api, schedule, after="2026-03-07T00:00:00Z", count=5)

    first = ("2026-11-01T01:30:00-04:00", ["fold_first"])
    expected = [
        ("2026-03-08T01:30:00-05:00", []),
        *on_8_march,
        first,
        *once_more,
        ("2026-11-01T02:30:00-05:00", []),
        ("2026-11-08T01:30:00-05:00", []),
        ("2026-11-08T02:30:00-05:00", []),
    ]
    assert [(fire["local"], fire["marks"]) for fire in body["fires"]] == expected[:5]
    changes = [
        (change["kind"], change["affected"], [(fire["local"], fire["marks"]) for fire in change["fires"]])
        for change in body["dst_changes"]
    ]
    assert changes == [("gap", True, on_8_march), ("fold", True, [first, *once_more])]


def test_a_preview_has_count_instants_but_none_beyond_max_runs(api: DocumentedClient) -> None:
    assert len(preview(api, {"every": "1h"})["fires"]) == 10
    assert len(preview(api, {"every": "1h"}, count=100)["fires"]) == 100
    assert len(preview(api, {"every": "1h", "max_runs": 3})["fires"]) == 3
    assert preview(api, {"kind": "none"})["fires"] == []
    assert preview(api, {"every": "1h"})["fires"][0]["in_viewer_zone"] is None


def test_a_preview_of_several_schedules_has_the_instants_of_all_of_them(api: DocumentedClient) -> None:
    body = preview(api, [NEW_YORK, {"every": "12h", "anchor_at": "2027-01-01"}], after="2027-03-14T00:00:00Z", count=3)

    assert body["description"] == "At 02:30 every day (America/New_York); and every 12 hours"
    assert [(fire["local"], fire["marks"]) for fire in body["fires"]] == [
        ("2027-03-14T03:00:00-04:00", ["gap"]),
        ("2027-03-14T12:00:00+00:00", []),
        ("2027-03-15T00:00:00+00:00", []),
    ]
    assert [change["at"] for change in body["dst_changes"]][:2] == ["2027-03-14T07:00:00Z", "2027-11-07T06:00:00Z"]


def test_a_preview_with_jitter_has_exact_starts_for_a_job_and_latest_starts(api: DocumentedClient) -> None:
    terms: dict[str, Any] = {"after": "2027-01-01T00:00:00Z", "count": 3, "jitter": "2h"}
    hourly = {"every": "1h", "anchor_at": "2027-01-01T00:00:00Z"}
    fires = preview(api, hourly, **terms)["fires"]
    assert [fire["starts_before"] for fire in fires] == [f"2027-01-01T0{n}:00:00Z" for n in (2, 3, 4)]
    assert {fire["starts_at"] for fire in fires} == {None}

    known = preview(api, hourly, **terms, job_id="019a9f5c-7c00-7c3a-9a51-0c2f8f4b1d6e")["fires"]
    assert all(fire["at"] < fire["starts_at"] < fire["starts_before"] for fire in known)
    assert known == preview(api, hourly, **terms, job_id="019A9F5C-7C00-7C3A-9A51-0C2F8F4B1D6E")["fires"]


@pytest.mark.parametrize(
    ("member", "value"), [("jitter", "25h"), ("jitter", "-1s"), ("job_id", "seven"), ("job_id", 7)]
)
def test_an_invalid_jitter_or_job_id_is_refused(api: DocumentedClient, member: str, value: Any) -> None:
    assert fields_of(api.send("POST", PREVIEW, {"schedule": {"every": "1h"}, member: value})) == [member]


def test_an_error_in_one_of_several_schedules_names_its_place(api: DocumentedClient) -> None:
    wrong = {"schedule": [{"every": "1h"}, {"cron": "75 * * * *", "max_runs": 1}]}

    assert set(fields_of(api.send("POST", PREVIEW, wrong))) == {"schedule.specs.1.cron", "schedule.specs.1.max_runs"}


def test_a_preview_at_the_end_of_the_calendar_is_empty(api: DocumentedClient) -> None:
    assert preview(api, {"cron": "* * * * *"}, after="9998-12-31T23:59:59Z")["fires"] == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("count", 0),
        ("count", 101),
        ("count", "10"),
        ("count", True),
        ("after", 5),
        ("after", "tomorrow"),
        ("timezone", "X"),
    ],
)
def test_an_invalid_parameter_of_a_preview_is_refused_by_name(api: DocumentedClient, member: str, value: Any) -> None:
    assert fields_of(api.send("POST", PREVIEW, {"schedule": {"every": "1h"}, member: value})) == [member]


def test_a_preview_of_an_invalid_schedule_names_its_fields(api: DocumentedClient) -> None:
    wrong = {"schedule": {"cron": "75 * * * *", "timezone": "Mars/Olympus"}}

    assert set(fields_of(api.send("POST", PREVIEW, wrong))) == {"schedule.cron", "schedule.timezone"}


def test_a_valid_schedule_is_shown_in_its_canonical_form(api: DocumentedClient) -> None:
    body = api.send("POST", VALIDATE, {"schedule": {"every": 5400, "anchor_at": "2026-01-01T00:00:00Z"}}).json()

    assert body["valid"] is True
    assert body["description"] == "Every 1 hour and 30 minutes"
    assert body["schedule"]["every"] == "1h30m"
    assert body["next_run_at"] is not None


@pytest.mark.parametrize(
    ("schedule", "warning"),
    [
        ({"cron": "0 9 * * *", "timezone": "EST"}, "The time zone EST is always UTC\u22125: its clocks never change."),
        ({"cron": "0 9 * * *", "timezone": "Etc/GMT+5"}, "The time zone Etc/GMT+5 is west of Greenwich"),
        ({"cron": "*/30 2 * * *", "timezone": "America/New_York"}, "so this schedule does not run on that day."),
    ],
)
def test_preview_and_validation_have_the_same_warnings(
    api: DocumentedClient, schedule: dict[str, Any], warning: str
) -> None:
    warnings = preview(api, schedule)["warnings"]
    assert [text for text in warnings if warning in text]
    assert api.send("POST", VALIDATE, {"schedule": schedule}).json()["warnings"] == warnings


def test_the_verdict_on_an_invalid_schedule_lists_its_errors(api: DocumentedClient) -> None:
    response = api.send("POST", VALIDATE, {"schedule": {"cron": "75 * * * *"}})

    assert response.status_code == 200
    body = response.json()
    assert body["valid"] is False
    assert [error["field"] for error in body["errors"]] == ["schedule.cron"]
    assert "75" in body["errors"][0]["message"]


@pytest.mark.parametrize("schedule", ["15m", 5, [], True, None, {"at": "2020-01-01T00:00:00Z"}])
def test_any_value_of_schedule_gets_a_verdict(api: DocumentedClient, schedule: Any) -> None:
    response = api.send("POST", VALIDATE, {"schedule": schedule})

    assert response.status_code == 200
    assert response.json()["valid"] is (schedule is None)  # null: started by hand


def test_a_validation_without_a_schedule_is_refused(api: DocumentedClient) -> None:
    assert fields_of(api.send("POST", VALIDATE, {})) == ["schedule"]
    assert fields_of(api.send("POST", VALIDATE, {"schedule": {}, "cron": "* * * * *"})) == ["cron"]
    problem_of(api.send("POST", VALIDATE, "{"), 400)
