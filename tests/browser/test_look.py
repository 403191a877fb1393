"""Every page of the admin at once: it fits a phone, its names are text, and a picture of it is kept, light and dark."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from executions.models import LogLine
from executions.states import Origin, Reason
from executions.targets.base import Failed, Succeeded
from schedules import triggers
from tests.browser.conftest import shoot
from tests.factories import claim, end, make_job, make_run, make_skipped

if TYPE_CHECKING:
    from datetime import datetime

    from playwright.sync_api import Page

    from executions.models import Run
    from schedules.models import Job

pytestmark = pytest.mark.filterwarnings("ignore:No directory at:UserWarning")  # no collected static files

STRANGE = ["<script>alert(1)</script>", "🦊 the fox job", "مهمة النسخ الاحتياطي", "x" * 200]
HTTP = {
    "kind": "http",
    "method": "POST",
    "url": "https://example.org/api/v2/invoices/export?format=csv&since=yesterday",
}
ANSWER = {
    "request": {"method": "POST", "url": HTTP["url"], "n_body_bytes": 21},
    "response": {
        "status": 503,
        "reason": "Service Unavailable",
        "headers": {"content-type": "application/json", "retry-after": "30", "set-cookie": "***"},
        "body": '{"error": "<b>overloaded</b>", "hint": "come back later"}',
        "n_bytes": 58,
        "truncated": False,
    },
    "timings_ms": {"dns": 12.3, "connect": 31.0, "tls": 64.2, "first_byte": 412.5, "total": 540.1},
    "remote_address": "203.0.113.7",
    "redirects": [],
}


@pytest.fixture
def furnished(today: datetime) -> tuple[Job, dict[str, Run]]:
    """A site in use: jobs of all kinds and states, runs of all statuses."""
    for name in STRANGE:
        make_job(name, {"cron": "0 9 * * mon-fri", "timezone": "Europe/Paris"}, today)
    paused = make_job("invoice export", {"every": "15m"}, today, target=HTTP, payload={"format": "csv"})
    triggers.pause(paused.pk, today, actor="ada", reason="maintenance of the billing system until Monday")
    make_job("started by hand only", {"kind": "none"}, today)
    make_job("a single shot", {"at": "2031-01-01T00:00:00Z"}, today)
    job = make_job(
        "nightly report",
        {"cron": "0 30 2 * * *", "timezone": "America/New_York"},
        today,
        target=HTTP,
        payload={"format": "csv"},
    )
    minute = timedelta(minutes=1)
    runs = {
        "succeeded": end(
            make_run(make_job("greeting", now=today), today), Succeeded({"message": "hello", "job": "greeting"})
        ),
        "failed": end(
            make_run(job, today + minute),
            Failed("http_status", "503 Service Unavailable: come back later", result=ANSWER, permanent=True),
        ),
        "retrying": end(
            make_run(job, today + 2 * minute), Failed("http_status", "503 Service Unavailable", result=ANSWER)
        ),
        "skipped": make_skipped(job, today + 3 * minute),
        "folded": make_run(
            job, today + 4 * minute, reason=Reason.MISSED, last_nominal_at=today + 5 * minute, n_occurrences=1234
        ),
        "queued": make_run(job, today + 6 * minute, origin=Origin.MANUAL),
        "running": make_run(job, today + 7 * minute),
    }
    claim(runs["running"], today + 7 * minute)
    levels = ["info", "debug", "warning", "error"]
    LogLine.objects.bulk_create(
        LogLine(run=runs["failed"], attempt=1, at=today, level=levels[n % 4], message=f"line {n} <i>of</i> the log")
        for n in range(40)
    )
    return job, runs


def pages(job: Job, runs: dict[str, Run]) -> dict[str, str]:
    return {
        "overview": "/admin/",
        "jobs": "/admin/schedules/job/",
        "job": f"/admin/schedules/job/{job.pk}/",
        "job-edit": f"/admin/schedules/job/{job.pk}/change/",
        "job-add": "/admin/schedules/job/add/",
        "job-pause": f"/admin/schedules/job/{job.pk}/pause/",
        "job-delete": f"/admin/schedules/job/{job.pk}/delete/",
        "runs": "/admin/executions/run/",
        **{f"run-{name}": f"/admin/executions/run/{run.pk}/change/" for name, run in runs.items()},
        "keys": "/admin/access/apikey/",
        "key-add": "/admin/access/apikey/add/",
        "users": "/admin/auth/user/",
        "periodic": "/admin/django_celery_beat/periodictask/",
        "periodic-add": "/admin/django_celery_beat/periodictask/add/",
    }


@pytest.mark.parametrize("size", ["laptop", "phone"])
def test_every_page_fits_the_screen_and_shows_names_as_text(
    admin: Page, furnished: tuple[Job, dict[str, Run]], size: str
) -> None:
    if size == "phone":
        admin.set_viewport_size({"width": 390, "height": 1500})
    for name, address in pages(*furnished).items():
        admin.goto(address)
        admin.wait_for_load_state("networkidle")
        shoot(admin, f"{size}-{name}", whole=size == "laptop")
        too_wide = admin.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert too_wide <= 0, f"{name} is {too_wide} px too wide"
        assert admin.evaluate("document.querySelectorAll('script:not([src])').length") == 0 or name not in (
            "jobs",
            "job",
        )


def test_dark_mode_has_pictures_too(admin: Page, furnished: tuple[Job, dict[str, Run]]) -> None:
    admin.emulate_media(color_scheme="dark")
    for name, address in pages(*furnished).items():
        admin.goto(address)
        admin.wait_for_load_state("networkidle")
        shoot(admin, f"dark-{name}")
        assert "dark" in (admin.locator("html").get_attribute("class") or "")
