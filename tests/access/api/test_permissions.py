"""Proves that each operation of the API requires the same permission as in the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from tests.documented import DocumentedClient, documented_client
from tests.factories import make_job, make_run

pytestmark = pytest.mark.django_db

BODY = {"name": "x", "target": {"kind": "command", "name": "demo.echo"}}


def client_with(*codenames: str) -> DocumentedClient:
    user = get_user_model().objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return documented_client(user)


@pytest.mark.long
def test_staff_without_permissions_can_neither_read_nor_change_anything() -> None:
    job, run = make_job(), make_run(make_job("other"))
    client = client_with()
    for method, path in (
        ("get", "jobs"),
        ("post", "jobs"),
        ("get", f"jobs/{job.pk}"),
        ("delete", f"jobs/{job.pk}"),
        ("post", f"jobs/{job.pk}/run"),
        ("post", f"jobs/{job.pk}/backfill"),
        ("get", f"jobs/{job.pk}/backfills"),
        ("get", f"backfills/{run.pk}"),
        ("post", f"backfills/{run.pk}/cancel"),
        ("post", "jobs/pause"),
        ("get", "pauses"),
        ("get", f"pauses/{run.pk}"),
        ("post", f"pauses/{run.pk}/undo"),
        ("post", "schedules/preview"),
        ("post", "schedules/validate"),
        ("get", "runs"),
        ("get", f"runs/{run.pk}"),
        ("post", f"runs/{run.pk}/cancel"),
    ):
        assert getattr(client, method)(f"/api/v1/{path}").status_code == 403, (method, path)


def test_permissions_to_view_do_not_allow_changes() -> None:
    job = make_job()
    client = client_with("view_job", "view_run")
    assert client.get("/api/v1/jobs").status_code == client.get(f"/api/v1/jobs/{job.pk}/runs").status_code == 200
    assert client.post("/api/v1/jobs", BODY, format="json").status_code == 403
    for path in (
        f"jobs/{job.pk}/pause",
        f"jobs/{job.pk}/resume",
        f"jobs/{job.pk}/backfill",
        f"backfills/{job.pk}/cancel",
        "jobs/pause",
        f"pauses/{job.pk}/undo",
    ):
        assert client.post(f"/api/v1/{path}", {}, format="json").status_code == 403


def test_permissions_to_add_and_change_do_not_allow_other_operations() -> None:
    job = make_job()
    client = client_with("add_job", "change_job")
    assert client.post("/api/v1/jobs", BODY, format="json").status_code == 201
    assert client.post(f"/api/v1/jobs/{job.pk}/run", {}, format="json").status_code == 202
    assert client.delete(f"/api/v1/jobs/{job.pk}").status_code == 403
