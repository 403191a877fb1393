"""The admin's first page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions.lifecycle import transitions
from executions.states import RunStatus
from executions.targets.base import Failed
from schedules.models import Stoppage
from schedules.models.stoppage import Why
from tests.factories import claim, end, make_job, make_run
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


def test_it_shows_what_ran_what_runs_what_failed_and_what_is_next(admin_user: User) -> None:
    now = datetime.now(UTC)
    job = make_job("nightly", {"cron": "0 0 1 1 *"}, now)
    end(make_run(job, now - timedelta(hours=1)))
    end(make_run(job, now - timedelta(hours=2)), Failed("exception", "no such table", permanent=True))
    end(make_run(job, now - timedelta(days=2)))
    claim(make_run(job, now - timedelta(minutes=1)))
    client = signed_in(admin_user)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as captured:
        text = page_of(client.get("/admin/"))
    assert len(captured) <= 17
    assert "<b>1</b>Succeeded" in text  # the one of two days ago is not of today
    assert "no such table" in text and "nightly" in text
    assert "overdue" not in text and "Runs are starting late" not in text


def test_a_count_stops_at_its_cap(admin_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executions.admin.rows.MAX_COUNT", 2)
    now = datetime.now(UTC)
    job = make_job("nightly", {"cron": "0 0 1 1 *"}, now)
    for n in range(4):
        end(make_run(job, now - timedelta(minutes=n)))
    assert "<b>2+</b>Succeeded" in page_of(signed_in(admin_user).get("/admin/"))


def test_a_clock_that_stands_still_and_missing_workers_are_told(admin_user: User) -> None:
    now = datetime.now(UTC)
    job = make_job("late", {"cron": "* * * * *"}, now - timedelta(minutes=10))
    make_run(job, now - timedelta(minutes=5))
    text = page_of(signed_in(admin_user).get("/admin/"))
    assert "Jobs are overdue" in text and "Runs are starting late" in text


def test_the_time_for_which_a_run_was_held_is_no_lack_of_workers(admin_user: User) -> None:
    now = datetime.now(UTC)
    held = make_run(make_job("limited", {"cron": "0 0 1 1 *"}, now), now - timedelta(minutes=6), is_buffered=True)
    transitions.release({held.pk: None}, now)
    held.refresh_from_db()
    assert held.status == RunStatus.QUEUED
    assert "Runs are starting late" not in page_of(signed_in(admin_user).get("/admin/"))


def test_it_shows_nothing_of_runs_to_those_who_may_not_see_them(admin_user: User) -> None:
    now = datetime.now(UTC)
    end(make_run(make_job("secret job", now=now), now), Failed("exception", "secret error", permanent=True))
    text = page_of(signed_in(staff_member("stranger")).get("/admin/"))
    assert "secret" not in text


@pytest.mark.long
def test_classic_periodic_tasks_have_their_pages_and_say_what_they_are(admin_user: User) -> None:
    client = signed_in(admin_user)
    assert "housekeeping tasks, and other periodic tasks" in page_of(
        client.get("/admin/django_celery_beat/periodictask/")
    )
    for model in ("periodictask", "intervalschedule", "crontabschedule", "solarschedule", "clockedschedule"):
        page_of(client.get(f"/admin/django_celery_beat/{model}/"))
        page_of(client.get(f"/admin/django_celery_beat/{model}/add/"))


def test_stopped_schedules_are_listed_with_the_latest_stoppage_first(admin_user: User) -> None:
    now = datetime.now(UTC)
    jobs = [make_job(name, {"cron": "0 0 1 1 *"}, now) for name in ("zebra", "mole", "adder")]
    for age, job in enumerate((jobs[1], jobs[2], jobs[0])):
        at = now - timedelta(minutes=age)
        Stoppage.objects.create(job_id=job.pk, why=Why.OVERDUE, found_at=at, raised_at=at, stood_at=at)
    text = page_of(signed_in(admin_user).get("/admin/")).partition("Schedules have stopped.")[2]
    places = [text.index(name) for name in ("mole", "adder", "zebra")]
    assert places == sorted(places)
