"""Takes the picture of the README: a job list in use. `docs/images/jobs.png` is a copy of the picture kept here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from executions.states import Reason
from executions.targets.base import Failed
from schedules import triggers
from schedules.pauses.terms import PauseTerms
from tests.browser.screenshots import FOLDER, screenshot
from tests.factories import claim, end, make_job, make_run, make_skipped

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from schedules.models import Job

pytestmark = pytest.mark.filterwarnings("ignore:No directory at:UserWarning")  # no collected static files

MAX_PICTURE_BYTES = 300 * 1024
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "Sync stock levels": ("stock", {"every": "15m"}),
    "Rebuild search index": ("index", {"cron": "15 */2 * * *"}),
    "Street lights on": ("lights", {"solar": "sunset", "latitude": 48.86, "longitude": 2.35}),
    "Send reminders": ("mail", {"cron": "30 8 * * mon-fri", "timezone": "Europe/Paris"}),
    "Export invoices": ("export", {"every": "1h"}),
    "Close the books": ("close", {"cron": "0 0 L * *", "timezone": "America/New_York"}),
    "Nightly backup": ("backup", {"cron": "0 2 * * *"}),
}


def make(name: str, now: datetime) -> Job:
    path, schedule = JOBS[name]
    url = f"https://shop.example/{path}"
    return make_job(name, schedule, now, target={"kind": "http", "method": "POST", "url": url})


def test_a_job_list_in_use_makes_a_picture_for_the_readme(admin: Page) -> None:
    now = datetime.now(UTC)
    jobs = {name: make(name, now) for name in JOBS}
    at_two = (now - 2 * HOUR).replace(hour=2, minute=0, second=0, microsecond=0)
    end(make_run(jobs["Nightly backup"], at_two), now=at_two + 6 * MINUTE)
    end(make_run(jobs["Sync stock levels"], now - 4 * MINUTE))
    end(
        make_run(jobs["Export invoices"], now - 35 * MINUTE),
        Failed("http_status", "The server answered 503 Service Unavailable.", permanent=True),
    )
    make_skipped(jobs["Send reminders"], now - 90 * MINUTE, Reason.PAUSED)
    claim(make_run(jobs["Rebuild search index"], now - MINUTE))
    triggers.pause(
        jobs["Send reminders"].pk, now, actor="ada", terms=PauseTerms(reason="maintenance of the mail server")
    )
    admin.set_viewport_size({"width": 1320, "height": 700})
    admin.emulate_media(color_scheme="light")
    admin.goto("/admin/")  # where the browser reports its time zone
    admin.goto("/admin/schedules/job/")
    admin.wait_for_load_state("networkidle")
    expect(admin.get_by_text("Export invoices").first).to_be_visible()
    screenshot(admin, "readme-jobs", whole=False)
    assert (FOLDER / "readme-jobs.png").stat().st_size < MAX_PICTURE_BYTES
