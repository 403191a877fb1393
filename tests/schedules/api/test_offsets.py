"""Proves that an instant may have any UTC offset, also one that PostgreSQL does not read."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from schedules.models import Job
from tests.documented import DocumentedClient
from tests.factories import ECHO, make_job

FAR = ("-23:59", "-17:20", "-16:00", "+16:00", "+23:59")


@pytest.mark.parametrize("offset", FAR)
@pytest.mark.parametrize(
    "path", ["/jobs/{job}/explain?after={at}&until={end}", "/runs?nominal_after={at}", "/runs?nominal_before={at}"]
)
def test_instants_in_parameters_may_have_any_offset(api: DocumentedClient, path: str, offset: str) -> None:
    job = make_job(schedule={"cron": "0 0 1 1 *"})
    text = f"2025-08-21T01:13:36{offset}".replace("+", "%2B")
    response = api.get("/api/v1" + path.format(job=job.pk, at=text, end="2025-12-01T00:00:00Z"))
    assert response.status_code == 200, response.content


@pytest.mark.parametrize("offset", FAR)
def test_instants_in_bodies_may_have_any_offset(api: DocumentedClient, offset: str) -> None:
    job = make_job(schedule={"cron": "0 * * * *"})
    past, future = f"2026-11-01T00:00:00{offset}", f"2999-11-01T00:00:00{offset}"
    bodies: list[tuple[str, str, Any]] = [
        ("POST", f"/jobs/{job.pk}/pause", {"until": future}),
        ("POST", f"/jobs/{job.pk}/backfill", {"after": past, "until": "2026-11-20T00:00:00Z", "dry_run": True}),
        ("POST", "/schedules/preview", {"schedule": {"cron": "0 * * * *"}, "after": future}),
        ("POST", "/jobs/pause", {"filter": {"ids": [str(uuid4())]}, "until": future}),
        ("POST", "/jobs", {"name": "x", "target": ECHO, "schedule": {"at": future}}),
        (
            "POST",
            "/jobs",
            {"name": "x", "target": ECHO, "schedule": {"every": "1h", "start_at": past, "end_at": future}},
        ),
        ("POST", "/jobs", {"name": "x", "target": ECHO, "schedule": {"every": "1h", "anchor_at": past}}),
    ]
    for method, path, body in bodies:
        response = api.send(method, f"/api/v1{path}", body)
        assert response.status_code < 500, (body, response.content)
    assert Job.objects.filter(name="x").count() == 3
