"""Proves that responses of the API are not stored, and that each 405 is a problem, whichever layer sends them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from tests.documented import DocumentedClient, problem_of
from tests.factories import make_job

JOBS = "/api/v1/jobs"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", JOBS, 200),
        ("GET", f"{JOBS}?unknown=1", 400),
        ("GET", f"{JOBS}/x", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", JOBS, 405),
        ("POST", JOBS, 400),
    ],
)
def test_responses_of_the_api_are_not_stored(api: DocumentedClient, method: str, path: str, status: int) -> None:
    make_job()
    response = api.send(method, path, b"" if method != "POST" else {})

    assert response.status_code == status
    assert response["Cache-Control"] == "no-store"


def test_errors_without_a_key_or_with_a_wrong_host_are_not_stored(api: DocumentedClient) -> None:
    for response in (Client().get(JOBS, secure=True), api.get(JOBS, HTTP_HOST="evil.example"), Client().get(JOBS)):
        assert response.status_code in (301, 400, 401)
        assert response["Cache-Control"] == "no-store"


def test_the_document_is_sent_again_only_after_a_change(api: DocumentedClient) -> None:
    path = "/api/v1/openapi.json"
    first = api.get(path)
    again = Client().get(path, secure=True, headers={"if-none-match": first["ETag"]})

    assert first["Cache-Control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


def test_pages_outside_the_api_keep_their_own_rules(client: Client) -> None:
    assert "no-store" not in client.get("/flower/", secure=True).headers.get("Cache-Control", "")


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "CONNECT", "PROPFIND"])
@pytest.mark.parametrize(
    "path",
    [
        JOBS,
        f"{JOBS}?limit=1",
        f"{JOBS}?unknown=1",
        f"{JOBS}/by-key/x",
        "/api/v1/openapi.json",
        "/api/docs",
        "/api/redoc",
    ],
)
def test_a_method_that_a_url_does_not_accept_is_a_405(api: DocumentedClient, method: str, path: str) -> None:
    response = api.generic(method, path)

    assert "It accepts " in problem_of(response, 405)["detail"]
    assert "GET" in response["Allow"] and method not in response["Allow"]
    assert response["Content-Length"] == str(len(response.content))
    assert (response["X-Frame-Options"], response["X-Content-Type-Options"]) == ("DENY", "nosniff")


def test_an_unknown_method_is_refused_before_an_unknown_object(api: DocumentedClient) -> None:
    problem_of(api.generic("TRACE", f"{JOBS}/{uuid4()}"), 405)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/openapi.json", "/api/docs", "/api/redoc", JOBS + "/x/y"]
)
def test_a_url_that_can_only_be_read_refuses_other_methods_with_a_problem(db: None, method: str, path: str) -> None:
    response = DocumentedClient(enforce_csrf_checks=True).generic(method, path)

    problem_of(response, 404 if path.startswith(JOBS) else 405)


@pytest.mark.parametrize("path", ["/api/", "/api/v1/"])
def test_the_roots_of_the_api_lead_to_its_documentation(path: str) -> None:
    response = Client().get(path, secure=True)

    assert (response.status_code, response["Location"]) == (302, "/api/docs")
