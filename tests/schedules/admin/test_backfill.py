"""Proves that the admin previews a backfill, starts it after confirmation, shows its progress and cancels it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from schedules.models import Backfill
from tests.factories import make_job
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from schedules.models import Job
    from tests.staff import StaffClient

LIST = "/admin/schedules/job/"
RANGE = {"after": "2026-11-20T08:00:00", "until": "2026-11-20T11:00:00", "mode": "all", "overlap": "buffer_all"}


@pytest.fixture
def job(db: None) -> Job:
    return make_job("report", {"every": "1h", "anchor_at": "2026-01-01T00:00:00Z"})


def test_a_backfill_starts_after_its_preview_is_confirmed(admin: StaffClient, job: Job) -> None:
    at = f"{LIST}{job.pk}/backfill/"
    assert at in page_of(admin.get(f"{LIST}{job.pk}/"))
    assert "No backfill yet." in page_of(admin.get(at))
    shown = page_of(admin.post(at, RANGE))
    assert (
        "The range has 3 occurrences; the backfill will create 3 runs, scheduled from 20 Nov 09:00:00 UTC to "
        "20 Nov 11:00:00 UTC." in shown
    )
    assert not Backfill.objects.exists()
    shown = page_of(admin.post(at, {**RANGE, "confirmed": "1"}, follow=True))
    assert "The backfill has started." in shown and "0 of 3" in shown
    started = Backfill.objects.get()
    assert started.actor == "admin"
    assert "Running" in page_of(admin.get(f"{at}live/"))
    assert "The backfill was cancelled." in page_of(admin.post(f"{at}{started.pk}/cancel/", follow=True))
    assert "Not cancelled" in page_of(admin.post(f"{at}{started.pk}/cancel/", follow=True))


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"after": ""}, "“After” is empty: enter a date and time."),
        ({"after": "soon"}, "“After”"),
        ({"after": "2026-11-20T11:00:00"}, "The range is empty"),
        ({"mode": "failled"}, "“Occurrences” must be one of the choices"),
        ({"mode": ""}, "“Occurrences” must be one of the choices"),
        ({"overlap": "cancel_other"}, "“Overlap” must be one of the choices"),
        ({"pace": "soon"}, "“Pace”"),
        ({"max_runs": "0"}, "“Limit” must be a whole number"),
        ({"max_runs": "9" * 5000}, "“Limit” must be a whole number"),
    ],
)
def test_an_invalid_backfill_is_refused_with_a_message(
    admin: StaffClient, job: Job, change: dict[str, str], message: str
) -> None:
    shown = page_of(admin.post(f"{LIST}{job.pk}/backfill/", {**RANGE, **change, "confirmed": "1"}))
    assert message in shown and not Backfill.objects.exists()


def test_a_user_who_may_only_view_cannot_start_or_cancel_a_backfill(admin: StaffClient, job: Job) -> None:
    viewer = signed_in(staff_member("viewer", "view_job"))
    assert viewer.post(f"{LIST}{job.pk}/backfill/", {**RANGE, "confirmed": "1"}).status_code == 403
    assert viewer.get(f"{LIST}{job.pk}/backfill/live/").status_code == 200
    assert viewer.post(f"{LIST}{job.pk}/backfill/{job.pk}/cancel/").status_code == 403
