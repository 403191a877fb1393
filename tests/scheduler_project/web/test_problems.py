"""Proves that every error of the API is a problem document (RFC 9457), from whatever layer it comes."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, transaction
from django.test import RequestFactory

from scheduler_project.web import problems
from tests.documented import DocumentedClient, problem_of
from tests.factories import make_job
from values import database

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = "/api/v1/jobs"


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2/jobs", "/api/nothing", "/api/v1/jobs/12", "/api/v1/jobs/%00"]
)
def test_an_unknown_url_is_a_404_without_authentication(db: None, path: str) -> None:
    problem_of(DocumentedClient().get(path), 404)


def test_the_404_for_a_url_with_a_final_slash_says_so(db: None) -> None:
    assert "no slash" in problem_of(DocumentedClient().get("/api/v1/jobs/"), 404)["detail"]


def test_an_unknown_url_outside_the_api_is_a_404_page(client: DocumentedClient, db: None) -> None:
    response = client.get("/nothing", secure=True)

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_an_unknown_method_is_a_405_that_names_the_allowed_ones(api: DocumentedClient) -> None:
    response = api.delete(JOBS)

    problem_of(response, 405)
    assert response["Allow"] == "GET, POST, HEAD"
    problem_of(api.options(JOBS), 405)


def test_a_request_for_another_response_format_is_a_406(api: DocumentedClient) -> None:
    problem_of(api.get(JOBS, HTTP_ACCEPT="text/html"), 406)


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/*", "application/json; q=x", "nonsense/", ",,,", "a" * 9000]
)
def test_an_invalid_accept_header_never_causes_a_server_error(api: DocumentedClient, accept: str) -> None:
    assert api.get(JOBS, HTTP_ACCEPT=accept).status_code in (200, 400, 406)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "x" * 9000,
    ],
)
def test_a_body_of_another_content_type_than_json_is_a_415(api: DocumentedClient, content_type: str) -> None:
    answer = problem_of(api.generic("POST", JOBS, "a=b", content_type=content_type), 415)
    assert "send it as JSON, with the header `Content-Type: application/json`" in answer["detail"]


def test_json_is_read_as_utf_8_whatever_charset_its_header_names(api: DocumentedClient) -> None:
    body = json.dumps({"name": "café", "target": {"kind": "command", "name": "demo.echo"}}, ensure_ascii=False)

    for charset in ("utf-16", "nonsense", '"'):
        response = api.generic("POST", JOBS, body, content_type=f"application/json; charset={charset}")
        assert response.status_code == 201
        assert response.json()["name"] == "café"


def test_a_form_is_refused_however_malformed_it_is(staff: Any) -> None:
    client = DocumentedClient(enforce_csrf_checks=True)
    client.force_login(staff)
    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"):
        for body in ("&" * 5000, "a=b&" * 5000, "--x\r\n", "--x\r\nnonsense\r\n\r\n--x--", "x" * 3_000_000):
            response = client.generic("POST", JOBS, body, content_type=content_type)
            assert response.status_code in (400, 403, 413, 415), response.content
            problem_of(response, response.status_code)


def test_too_many_query_parameters_are_a_400(api: DocumentedClient) -> None:
    problem_of(api.get(f"{JOBS}?{'a=1&' * 2000}"), 400)


def test_a_host_name_that_is_not_allowed_is_a_400(api: DocumentedClient) -> None:
    problem_of(api.get(JOBS, HTTP_HOST="evil.example"), 400)


def test_an_unexpected_error_is_logged_and_returned_as_a_500_without_details(
    api: DocumentedClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_job(schedule={"cron": "0 0 1 1 *"})

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("schedules.api.jobs.job_of", fail)

    response = api.generic("GET", JOBS, HTTP_ACCEPT="application/json")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert b"secret" not in response.content
    assert "a secret detail" in caplog.text


def test_an_unreachable_database_is_a_503_and_one_log_line(
    api: DocumentedClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        text = "connection refused\n\tIs the server running?"
        raise OperationalError(text) from psycopg.OperationalError(text)

    monkeypatch.setattr("schedules.api.jobs.paginate", fail)

    response = api.get(JOBS)
    assert problem_of(response, 503)["detail"].startswith("The database cannot be reached at the moment.")
    assert b"refused" not in response.content
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "connection refused Is the server running?" in record.getMessage()
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("fault", ["deadlock_detected", "query_canceled", "disk_full"])
def test_a_statement_that_fails_for_now_is_a_503_that_says_so_and_one_log_line(
    api: DocumentedClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        with transaction.atomic():
            database.execute(f"DO $$ BEGIN RAISE {fault}; END $$", {})

    monkeypatch.setattr("schedules.api.jobs.paginate", fail)

    response = api.get(JOBS)
    detail = problem_of(response, 503)["detail"]
    assert detail.startswith("A database error occurred that is usually temporary.")
    assert fault not in detail
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "api_failed" in record.getMessage() and fault in record.getMessage()
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (lambda request: problems.bad_request(request, ValueError()), 400),
        (lambda request: problems.permission_denied(request, ValueError()), 403),
        (lambda request: problems.page_not_found(request, ValueError()), 404),
        (problems.server_error, 500),
    ],
)
def test_errors_outside_views_are_problems_under_the_api_and_pages_elsewhere(
    db: None, handler: Callable[[Any], Any], status: int
) -> None:
    requests = RequestFactory()

    problem_of(handler(requests.get("/api/v1/jobs")), status)
    request = requests.get("/admin/")
    request.user = AnonymousUser()
    page = handler(request)
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")
