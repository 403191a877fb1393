"""Proves that no page and no answer shows a negative time, even if the clocks of two machines disagree."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from executions.models import Attempt, Run
from schedules.models import Job
from tests.factories import claim, end, make_job, make_run
from tests.staff import page_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tests.staff import StaffClient

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

MINUTE = timedelta(minutes=1)
NEGATIVE = re.compile(r"(−|(?<![\w-])-)[0-9.]+ (ms|s|min|h|d)\b")


@pytest.fixture
def runs() -> tuple[Job, list[Run]]:
    """A run whose worker is a minute ahead of this process, and one whose worker was behind when it ended."""
    now = datetime.now(UTC)
    job = make_job("skewed", {"cron": "0 0 1 1 *"}, now, policies={"overlap": "allow"})
    running, ended = make_run(job, now - 5 * MINUTE), make_run(job, now - 4 * MINUTE)
    claim(running, now + MINUTE)
    end(ended, now=now)
    behind = {"started_at": now - 3 * MINUTE, "finished_at": now - 9 * MINUTE}
    Run.objects.filter(pk=ended.pk).update(planned_at=now - MINUTE, **behind)
    Attempt.objects.filter(run_id=ended.pk).update(**behind)
    early = end(make_run(job, now - 6 * MINUTE), now=now)
    Run.objects.filter(pk=early.pk).update(started_at=now - 30 * MINUTE)
    return job, [running, ended, early]


def test_no_page_shows_a_negative_time(runs: tuple[Job, list[Run]], admin: StaffClient) -> None:
    job, found = runs
    pages = ["/admin/", "/admin/schedules/job/", f"/admin/schedules/job/{job.pk}/", "/admin/executions/run/"]
    pages += [f"/admin/executions/run/{run.pk}/change/" for run in found]
    pages += [f"/admin/schedules/job/{job.pk}/explain/"]
    for page in pages:
        text = page_of(admin.get(page, follow=True))
        assert not NEGATIVE.search(text), (page, NEGATIVE.search(text))
    assert "for 0 ms" in page_of(admin.get("/admin/"))
    assert "0 ms so far" in page_of(admin.get(f"/admin/executions/run/{found[0].pk}/change/"))


def test_no_answer_of_the_api_has_a_negative_time(
    runs: tuple[Job, list[Run]], admin_user: User, admin: StaffClient
) -> None:
    job, found = runs
    for address in (f"/jobs/{job.pk}/runs", *(f"/runs/{run.pk}" for run in found), f"/jobs/{job.pk}/explain"):
        text = page_of(admin.get(f"/api/v1{address}"))
        assert not re.search(r'_ms": ?-', text), text
    durations = [run["duration_ms"] for run in json.loads(page_of(admin.get(f"/api/v1/jobs/{job.pk}/runs")))["results"]]
    assert 0 in durations
