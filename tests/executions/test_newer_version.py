"""Proves that runs are shown whose origin, reason, event or attempt a newer version of Mainspring has stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from rest_framework.test import APIClient

from access.models import ApiKey
from executions import words
from executions.models import Attempt, Run, RunEvent
from tests.factories import NOW, end, make_job, make_run, make_skipped
from tests.staff import page_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from schedules.models import Job
    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

UNKNOWN = "from_future"


@pytest.fixture
def job() -> Job:
    """A job with a run of an unknown origin, and one that did not start for an unknown reason."""
    made = make_job()
    make_skipped(made)
    end(make_run(made, NOW + timedelta(minutes=1)))
    Run.objects.filter(status="skipped").update(reason=UNKNOWN)
    Run.objects.filter(status="succeeded").update(origin=UNKNOWN[:10])
    Attempt.objects.update(status=UNKNOWN[:10])
    RunEvent.objects.update(kind=UNKNOWN, reason=UNKNOWN)
    return made


def test_the_admin_shows_their_words(job: Job, admin: StaffClient) -> None:
    lists = [page_of(admin.get(address)) for address in ("/admin/executions/run/", f"/admin/schedules/job/{job.pk}/")]
    pages = [page_of(admin.get(f"/admin/executions/run/{run.pk}/change/")) for run in Run.objects.order_by("pk")]
    for text in (*lists, pages[1]):
        assert "From futur" in text
    for text in lists:
        assert "From future" in text
    assert "Skipped: from future." in pages[0]


def test_the_api_returns_them_unchanged(job: Job, admin_user: User) -> None:
    api = APIClient()  # the document lists the known values only
    _, key = ApiKey.issue(user=admin_user, name="tests")
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    found = api.get("/api/v1/runs", secure=True).json()["results"]
    assert [(run["origin"], run["reason"]) for run in found] == [(UNKNOWN[:10], None), ("schedule", UNKNOWN)]
    detail = api.get(f"/api/v1/runs/{found[0]['id']}", secure=True).json()
    assert [attempt["status"] for attempt in detail["attempts"]] == [UNKNOWN[:10]]
    assert {event["kind"] for event in detail["events"]} == {UNKNOWN}
    assert api.get(f"/api/v1/jobs/{job.pk}/explain", secure=True).status_code == 200


def test_each_has_words() -> None:
    assert words.attempt_label(UNKNOWN) == ("From future", "default")
    assert words.note(Run(reason=UNKNOWN, n_occurrences=1), "") == "From future"
    assert words.why(Run(status="skipped", reason=UNKNOWN, n_occurrences=1), NOW) == "Skipped: from future."
    assert words.why(Run(status="queued", origin=UNKNOWN), NOW) == "The run's origin is “from future”."
