"""The ledger's page in the admin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from executions.models import Run
from executions.targets.base import Failed
from schedules.admin.job import explain
from schedules.ledger.watchdog import watch_once
from schedules.models import Job
from schedules.tick import tick
from tests.factories import end, make_job
from tests.sent_by_browser import sent_by_browser
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

BY_HAND = {"kind": "none"}
START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=6)


@pytest.fixture
def job() -> Job:
    """Succeeded, failed, skipped for overlap, and then a beat that stood still."""
    made = make_job("nightly <b>report</b>", now=START)
    for minute, outcome in ((1, None), (2, Failed("exception", "no", permanent=True)), (3, None)):
        tick(START + timedelta(minutes=minute), 10)
        if minute < 3:
            end(Run.objects.get(status="queued"), outcome)
    tick(START + timedelta(minutes=4), 10)
    return made


def at(job: Job, query: str = "") -> str:
    return f"/admin/schedules/job/{job.pk}/explain/{query}"


def test_each_occurrence_is_told_in_plain_words(admin: StaffClient, job: Job) -> None:
    text = page_of(admin.get(at(job)))
    assert "Ran, 8 ms late, took 250 ms, succeeded." in text
    assert "Ran, 8 ms late, took 250 ms, failed (exception)." in text
    assert "The run is queued: no worker has started it yet." in text
    assert "Skipped because an earlier run of the job had not ended," in text
    assert "It is due, and no beat has handled it yet." in text
    assert "No gap: every occurrence" in text
    assert "nightly &lt;b&gt;report" in text and "<b>report" not in text


def test_gaps_stand_first_with_how_many_there_are(admin: StaffClient, job: Job) -> None:
    Run.objects.filter(nominal_at__lte=START + timedelta(minutes=2)).delete()
    text = page_of(admin.get(at(job)))
    assert "Gaps: 2 occurrences without a record" in text
    assert text.index("Gaps: 2") < text.index(">Outcome</th>")


def test_it_takes_the_right_to_see_runs_as_the_api_does(job: Job) -> None:
    ann, bob = signed_in(staff_member("ann", "view_job")), signed_in(staff_member("bob", "view_run"))
    assert ann.get(at(job)).status_code == 403
    assert at(job) not in page_of(ann.get(f"/admin/schedules/job/{job.pk}/"))
    assert f'/admin/schedules/job/{job.pk}/"' not in page_of(bob.get(at(job)))


def test_it_does_not_show_the_reason_of_a_pause(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(state="paused", paused_at=START, pause_reason="moving house")
    bob = signed_in(staff_member("bob", "view_run"))
    page = page_of(bob.get(at(job)))
    assert "Paused" in page and "moving house" not in page


def test_the_jobs_page_leads_there(admin: StaffClient, job: Job) -> None:
    assert at(job) in page_of(admin.get(f"/admin/schedules/job/{job.pk}/"))


def test_a_window_without_an_occurrence_says_so(admin: StaffClient) -> None:
    text = page_of(admin.get(at(make_job(schedule={"cron": "0 0 1 1 *"}))))
    assert "no occurrence of the job's schedule was found in this window" in text and "No gap" in text


def test_a_job_that_others_start_says_that_the_ledger_does_not_cover_it(admin: StaffClient) -> None:
    first = make_job("first", BY_HAND)
    follower, both = (
        make_job(name, schedule, start_after=[{"job": str(first.pk)}])
        for name, schedule in (("follower", BY_HAND), ("both", None))
    )
    for each, words in (
        (first, "by hand"),
        (follower, "it starts after runs of other jobs"),
        (both, "also starts after"),
    ):
        text = page_of(admin.get(at(each)))
        assert words in text and f"/admin/executions/run/?job={each.pk}" in text
        assert ("No gap" in text) is (each is both)


@pytest.mark.parametrize("schedule", [{}, [], {"kind": "lunar"}, "soon"])
def test_a_schedule_that_cannot_be_read_is_taken_for_one(admin: StaffClient, job: Job, schedule: object) -> None:
    Job.objects.update(schedule=schedule)
    assert "The ledger covers" not in page_of(admin.get(at(job)))


def test_lateness_is_against_the_planned_start_and_both_times_are_shown(admin: StaffClient, job: Job) -> None:
    row = Run.objects.get(nominal_at=START + timedelta(minutes=1))
    planned_at = row.nominal_at + timedelta(seconds=8)
    Run.objects.filter(pk=row.pk).update(planned_at=planned_at, started_at=planned_at)
    text = page_of(admin.get(at(job)))
    assert "Ran, 0 ms late (start planned 8 s after the nominal instant), took" in text
    assert text.count(f"{planned_at:%Y-%m-%dT%H:%M:%SZ}") >= 1
    text = page_of(admin.get(f"/admin/schedules/job/{job.pk}/"))
    assert "Start delay" in text and f"{planned_at:%Y-%m-%dT%H:%M:%SZ}" in text
    assert '<td class="ms-nowrap" data-label="Start delay">0 ms</td>' in text


@pytest.mark.long
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("?after=nonsense", "“After” &quot;nonsense&quot; is not a date and time"),
        ("?until=0001-01-01T00:00", "“Until” must be in the years"),
        ("?after=9999-12-31T23:59%2B00:00", "“After” must be in the years"),
        ("?after=9998-12-31T23:59", "must start before it ends"),
        ("?until=1900-01-01T00:00", "Explain nightly"),
    ],
)
def test_a_window_that_is_no_window_is_said_and_the_page_comes(
    admin: StaffClient, job: Job, query: str, message: str
) -> None:
    assert message in page_of(admin.get(at(job, query)))


def test_a_local_time_that_clocks_show_twice_is_refused(admin: StaffClient, job: Job) -> None:
    admin.cookies["mainspring_zone"] = "Europe/Paris"
    page = page_of(admin.get(at(job, "?after=2026-10-25T02:30&until=2026-10-25T04:00")))
    assert "“After” 02:30 on" in page and "occurs twice in Europe/Paris" in page


def test_a_window_that_ends_before_it_begins_is_said(admin: StaffClient, job: Job) -> None:
    assert "must start before it ends" in page_of(admin.get(at(job, "?after=2026-01-02T00:00&until=2026-01-01T00:00")))


@pytest.mark.parametrize("minute", [0, 60], ids=["first time", "second time"])
def test_the_window_of_an_hour_that_clocks_show_twice_is_accepted(job: Job, minute: int) -> None:
    now = datetime(2026, 10, 25, 0, 30, tzinfo=UTC) + timedelta(minutes=minute)
    with timezone.override(ZoneInfo("Europe/Paris")):
        page = render_to_string("schedules/admin/explain.html", explain.describe(job, {"window": "hour"}, now))
        sent = {name: text for name, (text,) in sent_by_browser(page, "ms-window").items()}
        again = explain.describe(job, sent, now)
    assert again["errors"] == []
    assert {name: again[name]["value"] for name in ("after", "until")} == sent
    assert {name: datetime.fromisoformat(text).utcoffset() is not None for name, text in sent.items()} == {
        "after": minute == 60,
        "until": True,
    }


@pytest.mark.long
def test_a_long_window_goes_on_where_the_page_ended(
    admin: StaffClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explain, "MAX_ENTRIES_SHOWN", 2)
    address, seen = at(job, f"?after={START:%Y-%m-%dT%H:%M}&until={START + timedelta(minutes=6):%Y-%m-%dT%H:%M}"), []
    for _ in range(3):
        text = page_of(admin.get(address))
        seen += re.findall(r'<td class="ms-nowrap">(?:<a [^>]*>)?<time class="ms-time" datetime="([^"]+)"', text)
        if not (onwards := re.search(r'href="(\?after=[^"]+)" rel="next"', text)):
            break
        address = at(job, onwards[1].replace("&amp;", "&"))
    assert seen == [f"{START + timedelta(minutes=m):%Y-%m-%dT%H:%M:%SZ}" for m in range(6, 0, -1)]


def test_a_job_that_was_deleted_leads_to_its_history(admin: StaffClient) -> None:
    response = admin.get(f"/admin/schedules/job/{uuid4()}/explain/")
    assert response.status_code == 302


def test_it_takes_a_right(job: Job) -> None:
    assert signed_in(staff_member("ann")).get(at(job)).status_code == 403
    page_of(signed_in(staff_member("bob", "view_job", "view_run")).get(at(job)))


def test_what_the_watchdog_found_stands_on_the_jobs_pages_and_on_the_first_one(admin: StaffClient, job: Job) -> None:
    Run.objects.filter(nominal_at=START + timedelta(minutes=2)).delete()
    assert "Schedules have stopped" not in page_of(admin.get("/admin/"))
    watch_once(datetime.now(UTC), 10)
    for address in (at(job), f"/admin/schedules/job/{job.pk}/"):
        text = page_of(admin.get(address))
        assert "found that the job's schedule had stopped" in text and "due occurrence has no record" in text
    text = page_of(admin.get("/admin/"))
    assert "Schedules have stopped" in text and at(job) in text
    told = Run.objects.filter(events__kind="schedule_stopped").get()
    assert "The watchdog found that the job&#x27;s schedule had stopped (gaps)" in page_of(
        admin.get(f"/admin/executions/run/{told.pk}/change/")
    )
