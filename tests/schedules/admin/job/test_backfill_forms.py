"""The form of a backfill is read in the viewer's time zone, and its preview is a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access.visibility import ENGINE
from executions.policies import Overlap
from schedules.admin.job.backfill_forms import form_context, preview_text, progress, read_request
from schedules.backfills import backfill
from schedules.backfills.backfill import BackfillPreview
from schedules.backfills.requests import BackfillRequest
from schedules.models import Backfill, BackfillMode, BackfillState
from tests.factories import NOW, make_job, make_run

MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)
RANGE = {"after": "2026-11-20T09:00Z", "until": "2026-11-20T11:00Z"}


def refusal(**values: Any) -> str:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        read_request(RANGE | values, NOW)
    return str(caught.value)


def test_a_start_alone_backfills_everything_up_to_now_one_after_the_other() -> None:
    assert read_request({"after": " 2026-11-20T09:00Z "}, NOW) == BackfillRequest(after=MORNING, until=NOW)


def test_a_whole_form_is_read() -> None:
    values = RANGE | {"mode": BackfillMode.values[-1], "pace": " 1m30s ", "overlap": "allow", "max_runs": " 25 "}
    assert read_request(values, NOW) == BackfillRequest(
        after=MORNING,
        until=MORNING + timedelta(hours=2),
        mode=BackfillMode(BackfillMode.values[-1]),
        pace=timedelta(seconds=90),
        overlap=Overlap.ALLOW,
        max_runs=25,
    )


@pytest.mark.parametrize(
    "values", [{"mode": "every second one"}, {"overlap": "cancel_other"}, {"overlap": "terminate_other"}], ids=str
)
def test_a_choice_that_the_form_does_not_offer_is_refused(values: dict[str, str]) -> None:
    assert "must be one of the choices in the list" in refusal(**values)


def test_local_times_are_in_the_time_zone_of_the_viewer() -> None:
    with timezone.override(ZoneInfo("America/New_York")):
        request = read_request({"after": "2026-11-20T04:00", "until": "2026-11-20T05:00"}, NOW)
    assert (request.after, request.until) == (MORNING, MORNING + timedelta(hours=1))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"after": " "}, "“After” is empty: enter a date and time."),
        ({"after": "early"}, '“After” "early" is not a date and time: write it like 2027-03-01T09:00:00Z.'),
        ({"until": "late"}, '“Up to” "late" is not a date and time: write it like 2027-03-01T09:00:00Z.'),
        ({"pace": "0"}, "“Pace” must be greater than zero."),
    ],
    ids=["no start", "a word as the start", "a word as the end", "a pace of zero"],
)
def test_a_mistake_is_named_with_its_field(values: dict[str, str], sentence: str) -> None:
    assert refusal(**values) == sentence


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e3", "1000001", "٣", "9" * 100_000], ids=lambda text: text[:9])
def test_a_number_of_runs_outside_its_limits_is_refused(text: str) -> None:
    assert refusal(max_runs=text) == "“Limit” must be a whole number from 1 to 1,000,000."


@pytest.mark.parametrize(("text", "n"), [("1", 1), ("007", 7), ("1000000", 1_000_000), ("", None)])
def test_a_number_of_runs_within_its_limits_is_read(text: str, n: int | None) -> None:
    assert read_request(RANGE | {"max_runs": text}, NOW).max_runs == n


@pytest.mark.parametrize(
    ("found", "text"),
    [
        pytest.param(
            BackfillPreview(3, False, 2, 1, MORNING, NOW, False),
            "The range has 3 occurrences; the backfill will create 2 runs, scheduled from 20 Nov 09:00:00 UTC to "
            "20 Nov 12:00:00 UTC.",
            id="some start",
        ),
        pytest.param(
            BackfillPreview(1, False, 1, 0, NOW, NOW, False),
            "The range has 1 occurrence; the backfill will create 1 run, scheduled for 20 Nov 12:00:00 UTC.",
            id="one starts",
        ),
        pytest.param(
            BackfillPreview(5, False, 0, 5, None, None, False),
            "The range has 5 occurrences; the backfill will create no run.",
            id="none",
        ),
        pytest.param(
            BackfillPreview(10_000, True, 0, 10_000, None, None, True),
            "The range has more than 10,000 occurrences; the backfill will create no run for the first 10,000.",
            id="none of the counted occurrences starts",
        ),
        pytest.param(
            BackfillPreview(10_000, True, 9000, 1000, MORNING, NOW, True),
            "The range has more than 10,000 occurrences; the backfill will create 9,000 runs or more, the first one "
            "scheduled for 20 Nov 09:00:00 UTC.",
            id="too many to count",
        ),
        pytest.param(
            BackfillPreview(2, True, 2, 0, MORNING, NOW, False),
            "The range has more than 2 occurrences; the backfill will create 2 runs, scheduled from 20 Nov 09:00:00 "
            "UTC to 20 Nov 12:00:00 UTC.",
            id="the limit of runs is reached",
        ),
    ],
)
def test_the_preview_says_how_many_runs_start_and_for_which_instants(found: BackfillPreview, text: str) -> None:
    with timezone.override(UTC):
        assert preview_text(found, NOW) == text


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("", "datetime-local"),
        ("2026-10-25T01:59:59", "datetime-local"),
        ("2026-10-25T02:30", "text"),
        ("2026-10-25T02:30:00+01:00", "text"),
        ("2026-03-29T02:30", "text"),
        ("early", "text"),
    ],
    ids=["empty", "usual", "shown twice", "with an offset", "skipped", "a word"],
)
def test_a_time_that_needs_an_offset_is_filled_into_a_field_that_takes_one(after: str, kind: str) -> None:
    with timezone.override(ZoneInfo("Europe/Paris")):
        assert form_context({"after": after})["types"] == {"after": kind, "until": "datetime-local"}


@pytest.mark.django_db
def test_the_progress_of_all_backfills_takes_two_queries() -> None:
    job = make_job()
    made = [backfill.start(job.pk, BackfillRequest(after=MORNING, until=NOW), NOW, actor="tests") for _ in range(3)]
    make_run(job, NOW, origin="backfill", backfill_id=made[0].pk)
    make_run(job, MORNING, origin="backfill", backfill_id=made[0].pk, reason="overlap")
    Backfill.objects.update(state=BackfillState.CANCELLED)
    with CaptureQueriesContext(connection) as captured:
        lines = progress(job, NOW, ENGINE)["backfills"]
    assert len(captured) == 2
    assert [line["runs"] for line in lines] == ["none", "none", "1 queued, 1 skipped"]
    assert [line["is_live"] for line in lines] == [False, False, True]


def test_the_form_is_filled_again_with_what_was_posted() -> None:
    context = form_context({"after": "early", "max_runs": 5, "unknown": "x"})
    assert context["values"] == {"after": "early", "until": "", "mode": "", "pace": "", "overlap": "", "max_runs": "5"}
