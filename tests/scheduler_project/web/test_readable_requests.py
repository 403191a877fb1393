"""Proves that requests which no view can read are refused before a view sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.documented import DocumentedClient, problem_of

if TYPE_CHECKING:
    from tests.staff import StaffClient

JOBS = "/api/v1/jobs"


@pytest.mark.parametrize("path", ["/admin/\0", "/admin/?q=%00", "/admin/login/?%00=x", "/%00", "/flower/?a=b%00c"])
def test_a_nul_in_the_url_of_a_page_is_a_400(client: Client, path: str) -> None:
    assert client.get(path, secure=True).status_code == 400


@pytest.mark.parametrize("path", [f"{JOBS}?name=%00", f"{JOBS}/by-key/%00", f"{JOBS}/%00"])
def test_a_nul_in_the_url_of_the_api_is_a_problem(api: DocumentedClient, path: str) -> None:
    response = api.get(path)
    problem_of(response, response.status_code)
    assert response.status_code in (400, 404)


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("x, gzip", 415), ("identity", 403), ("", 403)])
def test_only_a_body_without_compression_is_read(encoding: str, status: int) -> None:
    client = Client(enforce_csrf_checks=True, headers={"content-encoding": encoding})
    assert client.post("/admin/login/", {"a": "b"}, secure=True).status_code == status


def test_a_form_that_is_too_large_names_its_limit(admin: StaffClient) -> None:
    response = admin.post("/admin/", {"a": "x" * 3_000_000})
    assert response.status_code == 413
    assert b"2621440 bytes" in response.content
