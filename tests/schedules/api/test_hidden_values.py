"""Proves that values of headers that are not known to be harmless are shown only to users who may change jobs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from tests.documented import DocumentedClient, documented_client
from tests.factories import make_job, make_run

pytestmark = pytest.mark.django_db

HEADERS = {"Authorization": "Bearer s3cret", "X_Passphrase": "s3cret", "Accept": "text/plain"}
TARGET = {"kind": "http", "url": "https://example.com/hook", "headers": HEADERS}
HIDDEN = {"Authorization": "••••", "X_Passphrase": "••••", "Accept": "text/plain"}


def client_with(*codenames: str) -> DocumentedClient:
    user = get_user_model().objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return documented_client(user)


def read(client: DocumentedClient, path: str) -> Any:
    return client.get(f"/api/v1/{path}").json()


def test_a_user_who_may_only_view_gets_masked_credentials() -> None:
    job = make_job(target=TARGET)
    run = make_run(job)
    client = client_with("view_job", "view_run")
    assert read(client, f"jobs/{job.pk}")["target"]["headers"] == HIDDEN
    assert read(client, "jobs")["results"][0]["target"]["headers"] == HIDDEN
    assert read(client, f"runs/{run.pk}")["target"]["headers"] == HIDDEN


def test_a_user_who_may_change_jobs_gets_credentials_of_jobs_but_not_of_runs() -> None:
    job = make_job(target=TARGET)
    run = make_run(job)
    client = client_with("view_job", "view_run", "change_job")
    assert read(client, f"jobs/{job.pk}")["target"]["headers"] == HEADERS
    assert read(client, "jobs")["results"][0]["target"]["headers"] == HEADERS
    assert read(client, f"runs/{run.pk}")["target"]["headers"] == HIDDEN


def test_a_masked_value_is_refused_and_never_stored() -> None:
    job = make_job(target=TARGET)
    client = client_with("view_job", "change_job")
    answer = client.patch(f"/api/v1/jobs/{job.pk}", {"target": {**TARGET, "headers": HIDDEN}}, format="json")
    assert answer.status_code == 400
    assert "target.headers.Authorization" in answer.content.decode()
    assert client.patch(f"/api/v1/jobs/{job.pk}", {"name": "renamed"}, format="json").status_code == 200
    assert read(client, f"jobs/{job.pk}")["target"]["headers"] == HEADERS
