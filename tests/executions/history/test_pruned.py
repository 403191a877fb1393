"""Proves that the status and the instant of a job's latest run survive the deletion of the run's history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from access.visibility import ENGINE
from executions.history import latest_pruned, partitions
from executions.history.retention import prune_all
from executions.models import PrunedRun, Run
from executions.states import Origin
from executions.targets.base import Failed
from schedules.jobs import definitions
from tests.documented import DocumentedClient
from tests.executions.prepared_days import prepare
from tests.factories import NOW, end, make_job, make_run, make_skipped
from tests.staff import page_of

if TYPE_CHECKING:
    from datetime import datetime

    from schedules.models import Job
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

DAY, WEEK, SECOND = timedelta(days=1), timedelta(days=7), timedelta(seconds=1)
FAILURE = Failed("exception", "The printer is on fire.", permanent=True)


def monthly() -> Job:
    return make_job("monthly", {"cron": "0 12 20 * *"}, now=NOW - 60 * DAY)


def failed(job: Job, at: datetime) -> Run:
    return end(make_run(job, at), FAILURE, now=at + 3 * SECOND)


def prune(now: datetime) -> None:
    prune_all(now, WEEK, 100)


def left(job: Job) -> PrunedRun | None:
    return latest_pruned([job.pk], ENGINE).get(job.pk)


@pytest.mark.parametrize("prepared", [True, False], ids=["in the partition of a day", "in other"])
def test_the_latest_run_of_a_job_survives_its_history(prepared: bool) -> None:
    job = monthly()
    if prepared:
        prepare(NOW)
    end(make_run(job, NOW - timedelta(hours=1)))
    run = failed(job, NOW)
    prune(NOW + 10 * DAY)
    assert not Run.objects.exists()
    kept = left(job)
    assert kept is not None
    assert (kept.run_id, kept.nominal_at, kept.status, kept.error) == (run.pk, NOW, "failed", "The printer is on fire.")
    assert (kept.error_code, kept.scope_id) == ("exception", job.scope_id)
    assert kept.duration == run.duration


def test_a_later_deletion_replaces_what_was_kept_and_an_earlier_one_does_not() -> None:
    job = monthly()
    failed(job, NOW)
    prune(NOW + 10 * DAY)
    later = end(make_run(job, NOW + 30 * DAY))
    assert left(job) is None, "the history has a later run"
    failed(job, NOW - 5 * DAY)
    prune(NOW + 30 * DAY + timedelta(hours=1))
    assert PrunedRun.objects.get().nominal_at == NOW
    prune(NOW + 40 * DAY)
    kept = left(job)
    assert kept is not None and (kept.run_id, kept.status) == (later.pk, "succeeded")


def test_many_runs_pruned_in_small_batches_leave_the_latest_of_each_job() -> None:
    jobs = [monthly(), monthly()]
    for job in jobs:
        for hour in range(5):
            end(make_run(job, NOW + timedelta(hours=hour)))
    prune_all(NOW + 20 * DAY, WEEK, 3)
    assert {row.job_id: row.nominal_at for row in PrunedRun.objects.all()} == {
        job.pk: NOW + timedelta(hours=4) for job in jobs
    }


def test_a_day_keeps_only_the_runs_of_jobs_that_have_not_started_since() -> None:
    prepare(NOW)
    silent, busy = monthly(), monthly()
    for job in (silent, busy):
        failed(job, NOW)
    end(make_run(busy, NOW + DAY))
    assert partitions.drop_old(NOW + DAY)
    assert [row.job_id for row in PrunedRun.objects.all()] == [silent.pk]


def test_an_occurrence_that_did_not_start_is_not_a_run() -> None:
    prepare(NOW)
    job = monthly()
    failed(job, NOW)
    make_skipped(job, NOW + timedelta(hours=1))
    prune(NOW + 10 * DAY)
    kept = left(job)
    assert kept is not None and kept.nominal_at == NOW
    only_skipped = monthly()
    make_skipped(only_skipped, NOW)
    prune(NOW + 10 * DAY)
    assert left(only_skipped) is None


@pytest.mark.parametrize("prepared", [True, False])
def test_a_run_that_started_by_hand_at_the_same_instant_is_no_obstacle(prepared: bool) -> None:
    if prepared:
        prepare(NOW)
    job = monthly()
    failed(job, NOW)
    end(make_run(job, NOW, origin=Origin.MANUAL))
    prune(NOW + 10 * DAY)
    assert PrunedRun.objects.count() == 1


@pytest.mark.parametrize("prepared", [True, False])
def test_nothing_is_kept_of_a_deleted_job(prepared: bool) -> None:
    if prepared:
        prepare(NOW)
    early, late = monthly(), monthly()
    failed(early, NOW)
    failed(late, NOW)
    definitions.delete(early.pk, NOW + DAY, actor="ann")
    prune(NOW + 10 * DAY)
    assert [row.job_id for row in PrunedRun.objects.all()] == [late.pk]
    definitions.delete(late.pk, NOW + 11 * DAY, actor="ann")
    assert not PrunedRun.objects.exists()


class TestShown:
    @pytest.fixture
    def job(self) -> Job:
        job = monthly()
        failed(job, NOW)
        prune(NOW + 10 * DAY)
        return job

    def test_the_pages_show_the_last_run_and_why_it_has_no_page(self, job: Job, admin: StaffClient) -> None:
        page = page_of(admin.get(f"/admin/schedules/job/{job.pk}/"))
        for text in ("Last run:", "Failed", "20 Nov", "took 3 s", "The printer is on fire.", "is deleted after 7 d"):
            assert text in page
        assert "no runs of this job" not in page
        listed = page_of(admin.get("/admin/schedules/job/"))
        assert ">Failed</span>" in listed and "The history of runs is deleted after 7 d." in listed

    def test_the_api_names_the_last_run(self, job: Job, api: DocumentedClient) -> None:
        body: dict[str, Any] = api.get(f"/api/v1/jobs/{job.pk}/runs").json()
        assert body["results"] == []
        last = body["last_pruned"]
        assert (last["status"], last["nominal_at"], last["duration_ms"]) == ("failed", "2026-11-20T12:00:00Z", 2992)
        assert (last["error_code"], last["error"]) == ("exception", "The printer is on fire.")

    def test_a_job_whose_history_is_complete_has_no_pruned_run(self, api: DocumentedClient) -> None:
        assert api.get(f"/api/v1/jobs/{monthly().pk}/runs").json()["last_pruned"] is None

    def test_a_job_that_has_never_run_says_so(self, admin: StaffClient) -> None:
        job = monthly()
        assert "The history has no runs of this job." in page_of(admin.get(f"/admin/schedules/job/{job.pk}/"))
        assert settings.MAINSPRING.retention == WEEK
