from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import RequestFactory

from scheduler_project.web import problems
from tests.documented import DocumentedClient, problem_of
from tests.factories import make_job

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = "/api/v1/jobs"


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2/jobs", "/api/nothing", "/api/v1/jobs/12", "/api/v1/jobs/%00"]
)
def test_an_address_that_is_none_is_a_404_for_anybody(db: None, path: str) -> None:
    problem_of(DocumentedClient().get(path), 404)


def test_an_address_with_a_slash_too_many_is_told_so(db: None) -> None:
    assert "no slash" in problem_of(DocumentedClient().get("/api/v1/jobs/"), 404)["detail"]


def test_a_page_outside_the_api_is_not_found_as_a_page(client: DocumentedClient, db: None) -> None:
    response = client.get("/nothing", secure=True)

    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


def test_a_method_that_is_not_there_is_a_405_that_names_those_that_are(api: DocumentedClient) -> None:
    response = api.delete(JOBS)

    problem_of(response, 405)
    assert response["Allow"] == "GET, POST, HEAD"
    problem_of(api.options(JOBS), 405)


def test_an_answer_in_another_format_is_a_406(api: DocumentedClient) -> None:
    problem_of(api.get(JOBS, HTTP_ACCEPT="text/html"), 406)


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/*", "application/json; q=x", "nonsense/", ",,,", "a" * 9000]
)
def test_a_nonsense_accept_header_never_fails(api: DocumentedClient, accept: str) -> None:
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
def test_a_body_that_is_not_json_by_name_is_a_415(api: DocumentedClient, content_type: str) -> None:
    problem_of(api.generic("POST", JOBS, "a=b", content_type=content_type), 415)


def test_json_of_any_claimed_charset_is_read_as_utf_8(api: DocumentedClient) -> None:
    body = json.dumps({"name": "café", "target": {"kind": "command", "name": "demo.echo"}}, ensure_ascii=False)

    for charset in ("utf-16", "nonsense", '"'):
        response = api.generic("POST", JOBS, body, content_type=f"application/json; charset={charset}")
        assert response.status_code == 201
        assert response.json()["name"] == "café"


def test_a_form_sent_by_a_session_is_refused_however_broken(staff: Any) -> None:
    client = DocumentedClient(enforce_csrf_checks=True)
    client.force_login(staff)
    for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"):
        for body in ("&" * 5000, "a=b&" * 5000, "--x\r\n", "--x\r\nnonsense\r\n\r\n--x--", "x" * 3_000_000):
            response = client.generic("POST", JOBS, body, content_type=content_type)
            assert response.status_code in (400, 403, 413, 415), response.content
            problem_of(response, response.status_code)


def test_too_many_parameters_are_a_400(api: DocumentedClient) -> None:
    problem_of(api.get(f"{JOBS}?{'a=1&' * 2000}"), 400)


def test_a_host_that_is_not_ours_is_a_400(api: DocumentedClient) -> None:
    problem_of(api.get(JOBS, HTTP_HOST="evil.example"), 400)


def test_what_nobody_foresaw_is_a_500_that_gives_nothing_away_and_is_logged(
    api: DocumentedClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_job(schedule={"cron": "0 0 1 1 *"})

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("schedules.api.jobs.job_of", fail)

    response = api.generic("GET", JOBS, HTTP_ACCEPT="application/json")
    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert b"secret" not in response.content
    assert "the secret of the house" in caplog.text


def test_a_database_that_cannot_be_reached_is_a_503_and_one_line_of_the_log(
    api: DocumentedClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("connection refused\n\tIs the server running?")

    monkeypatch.setattr("schedules.api.jobs.paginate", fail)

    response = api.get(JOBS)
    assert response.status_code == 503
    assert b"refused" not in response.content
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "connection refused Is the server running?" in record.getMessage()
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
def test_errors_before_any_view_are_problems_under_the_api_and_pages_elsewhere(
    db: None, handler: Callable[[Any], Any], status: int
) -> None:
    requests = RequestFactory()

    problem_of(handler(requests.get("/api/v1/jobs")), status)
    request = requests.get("/admin/")
    request.user = AnonymousUser()
    page = handler(request)
    assert page.status_code == status
    assert page["Content-Type"].startswith("text/html")
