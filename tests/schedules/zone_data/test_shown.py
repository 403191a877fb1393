"""The version of the time zone data is logged at start, and shown wherever instants are named or explained."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from django.core.management import call_command
from structlog.testing import capture_logs

from scheduler_project.celery import app
from schedules.beat import ADOPTION_INTERVAL, JobScheduler
from schedules.clock.zones.data import OWN_VERSION
from schedules.models import BeatProcess, living_beats
from schedules.tick import tick
from schedules.zone_data import versions
from schedules.zone_data.adoption import adopt
from tests.acceptance.processes import database_url
from tests.factories import make_job
from tests.staff import page_of
from tests.zone_versions import ONE_HOUR_AHEAD, put_in_force

if TYPE_CHECKING:
    from tests.documented import DocumentedClient
    from tests.staff import StaffClient

NOW = datetime.now(UTC).replace(microsecond=0)
NEWER = "2098z"

pytestmark = pytest.mark.django_db(transaction=True)


def test_previews_and_validations_name_the_version_of_the_web_process(api: DocumentedClient) -> None:
    put_in_force(NEWER, **ONE_HOUR_AHEAD)
    for path in ("preview", "validate"):
        response = api.send("POST", f"/api/v1/schedules/{path}", {"schedule": {"cron": "@daily"}})
        assert response.json()["timezone_data"] == OWN_VERSION


def test_the_ledger_names_the_version_in_force(api: DocumentedClient) -> None:
    job = make_job("nightly", now=NOW - timedelta(minutes=5))
    tick(NOW, 10)
    path = f"/api/v1/jobs/{job.pk}/explain"
    assert api.get(path).json()["timezone_data"] == OWN_VERSION
    put_in_force(NEWER, **ONE_HOUR_AHEAD)
    assert api.get(path).json()["timezone_data"] == NEWER
    table, lines = io.StringIO(), io.StringIO()
    call_command("explain", "nightly", stdout=table)
    assert f"Time zone data: {NEWER}. After " in table.getvalue()
    call_command("explain", "nightly", "--json", stdout=lines)
    assert {json.loads(line)["timezone_data"] for line in lines.getvalue().splitlines()} == {NEWER}


def test_the_page_explain_names_the_version_in_force(admin: StaffClient) -> None:
    put_in_force(NEWER, **ONE_HOUR_AHEAD)
    job = make_job("nightly", now=NOW)
    assert f"Time zone data: {NEWER}." in page_of(admin.get(f"/admin/schedules/job/{job.pk}/explain/"))


def test_the_first_page_names_the_version_in_force_and_beats_that_have_another(admin: StaffClient) -> None:
    put_in_force(NEWER, **ONE_HOUR_AHEAD)
    now = datetime.now(UTC)
    for name, version in (("one", NEWER), ("two", OWN_VERSION), ("old", "")):
        BeatProcess.objects.create(name=name, started_at=now, seen_at=now, clock_ahead=timedelta(0), zone_data=version)
    text = page_of(admin.get("/admin/"))
    assert f"Time zone data: {NEWER}. Other beats have {OWN_VERSION}, and calculate by {NEWER}." in text
    BeatProcess.objects.filter(name="two").delete()
    assert "Other beats" not in page_of(admin.get("/admin/"))


def test_a_beat_logs_its_version_puts_it_in_force_and_stores_it_in_its_row() -> None:
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    with capture_logs() as logs:
        beat = JobScheduler(app)
        beat._wakeup.wait = lambda _: None  # type: ignore[method-assign, assignment]
        beat.tick()
    events = {entry["event"]: entry.get("version") for entry in logs}
    assert events["timezone_data"] == events["timezone_data_in_force"] == OWN_VERSION
    assert versions.in_force() == OWN_VERSION
    assert BeatProcess.objects.get().zone_data == OWN_VERSION
    beat.close()


def test_a_beat_is_known_to_be_alive_before_it_puts_its_version_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    living: list[list[str]] = []

    def adopt_later(now: datetime) -> bool:
        living.append([row.zone_data for row in living_beats(now)])
        return adopt(now)

    monkeypatch.setattr("schedules.beat.adopt", adopt_later)
    beat = JobScheduler(app)
    beat._wakeup.wait = lambda _: None  # type: ignore[method-assign, assignment]
    beat.tick()
    assert living == [[OWN_VERSION]], "otherwise an older beat would take this version out of force again"
    beat.close()


def test_a_beat_with_older_data_says_so_and_follows_newer_beats_until_they_end() -> None:
    redis.Redis.from_url(os.environ["BROKER_URL"]).flushdb()
    put_in_force(NEWER, **ONE_HOUR_AHEAD)
    BeatProcess.objects.create(
        name="newer", started_at=NOW, seen_at=NOW + timedelta(hours=1), clock_ahead=timedelta(0), zone_data=NEWER
    )
    beat = JobScheduler(app)
    with capture_logs() as logs:
        for n in range(3):
            beat.pass_once(NOW + n * ADOPTION_INTERVAL)
    warned = [entry for entry in logs if entry["event"] == "timezone_data_differs"]
    assert warned == [
        {
            "event": "timezone_data_differs",
            "log_level": "warning",
            "action": "beat",
            "version": OWN_VERSION,
            "in_force": NEWER,
        }
    ]
    BeatProcess.objects.filter(name="newer").delete()
    beat.pass_once(NOW + 2.5 * ADOPTION_INTERVAL)
    assert versions.in_force() == NEWER  # it looks every five seconds
    beat.pass_once(NOW + 3 * ADOPTION_INTERVAL)
    assert versions.in_force() == OWN_VERSION
    beat.close()


@pytest.mark.long
def test_a_web_process_logs_its_version_when_it_starts() -> None:
    started = subprocess.run(
        [sys.executable, "-c", "import scheduler_project.wsgi"],
        env={**os.environ, "DATABASE_URL": database_url(), "MAINSPRING_LOG_JSON": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    logged = [json.loads(line) for line in started.stderr.splitlines()]
    assert [(line["event"], line["version"]) for line in logged] == [("timezone_data", OWN_VERSION)]
