"""Proves which API keys and sessions the API accepts, and the error for all others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from access.models import ApiKey
from tests.documented import DocumentedClient, problem_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

JOBS = "/api/v1/jobs"
BODY = {"name": "greeting", "target": {"kind": "command", "name": "demo.echo"}}


def client_with(header: str) -> DocumentedClient:
    client = DocumentedClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    return client


def test_without_a_key_or_session_the_response_is_a_401_that_names_the_scheme(db: None) -> None:
    response = DocumentedClient().get(JOBS)

    assert "send the header `Authorization: Bearer ms_…`" in problem_of(response, 401)["detail"]
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer ms__",
        "Bearer ms_abc",
        "Bearer ms_\xe9_\xe9",
        "Bearer ms_a_b_c d",
        "bearer ms",
    ],
)
def test_a_malformed_key_is_a_401(db: None, header: str) -> None:
    problem_of(client_with(header).get(JOBS), 401)


@pytest.mark.parametrize(
    ("header", "sentence"),
    [("Bearer ", "nothing follows Bearer"), ("Bearer ms_a_b", "Create a key in the admin")],
    ids=["no key", "an unknown key"],
)
def test_a_refused_key_is_explained_with_what_to_do(db: None, header: str, sentence: str) -> None:
    assert sentence in problem_of(client_with(header).get(JOBS), 401)["detail"]


def test_a_key_with_a_nul_character_is_a_400(db: None) -> None:
    problem_of(client_with("Bearer ms_a\0b_c").get(JOBS), 400)


def test_a_key_that_is_expired_revoked_or_of_an_inactive_user_is_a_401(staff: User) -> None:
    now = datetime.now(UTC)
    row, key = ApiKey.issue(user=staff, name="tests")
    client = client_with(f"Bearer {key}")
    assert client.get(JOBS).status_code == 200

    ApiKey.objects.update(expires_at=now - timedelta(seconds=1))
    problem_of(client.get(JOBS), 401)
    ApiKey.objects.update(expires_at=None, revoked_at=now)
    problem_of(client.get(JOBS), 401)
    ApiKey.objects.update(revoked_at=None)
    staff.is_active = False
    staff.save()
    problem_of(client.get(JOBS), 401)
    assert ApiKey.find(key, now) is None
    assert row.name == "tests"


def test_a_session_needs_its_csrf_token_to_write_but_not_to_read(staff: User) -> None:
    client = DocumentedClient(enforce_csrf_checks=True)
    client.force_login(staff)

    assert client.get(JOBS).status_code == 200
    assert "CSRF" in problem_of(client.send("POST", JOBS, BODY), 403)["detail"]
    client.get("/api/docs")  # the page sets the cookie with the token, as in a browser
    token = client.cookies["csrftoken"].value
    client.credentials(HTTP_X_CSRFTOKEN=token, HTTP_REFERER="https://testserver/api/docs")
    written = client.send("POST", JOBS, BODY)
    assert written.status_code == 201, written.content


@pytest.mark.parametrize(
    "cookie", ['"\\000\\000\\000\\000\\000\\000\\000\\000\\000"', "nonsense", '"', "x" * 4000, "\xff" * 40]
)
def test_a_malformed_session_cookie_never_causes_a_server_error(db: None, settings: Settings, cookie: str) -> None:
    response = DocumentedClient().get(JOBS, HTTP_COOKIE=f"{settings.SESSION_COOKIE_NAME}={cookie}")

    assert response.status_code in (400, 401)


def test_a_refused_key_is_logged_with_address_and_prefix(staff: User, caplog: pytest.LogCaptureFixture) -> None:
    row, key = ApiKey.issue(user=staff, name="tests")
    wrong = key[:-4] + "wxyz"
    client_with(f"Bearer {wrong}").get(JOBS, REMOTE_ADDR="192.0.2.1")

    [line] = [record.getMessage() for record in caplog.records if "api_key_refused" in record.getMessage()]
    assert row.prefix in line and "192.0.2.1" in line
    assert wrong.rpartition("_")[2] not in line and key.split("_", 2)[2][:6] not in line


@pytest.mark.parametrize("header", ["ms_secretsecret_x", "secret", "ms_secret", "ms_0123456789ab", "ms_\xe9_secret"])
def test_the_text_of_a_malformed_key_is_not_logged(db: None, caplog: pytest.LogCaptureFixture, header: str) -> None:
    client_with(f"Bearer {header}").get(JOBS)

    [line] = [record.getMessage() for record in caplog.records if "api_key_refused" in record.getMessage()]
    assert "secret" not in line and "0123456789ab" not in line


@pytest.mark.parametrize(
    "form",
    [
        "Bearer",
        "Bearer ",
        "Bearer\t{}",
        "Bearer: {}",
        "Bearer:{}",
        "Token {}",
        "ApiKey {}",
        "{}",
        "Basic YWRtaW46c2VjcmV0",
        'Digest username="secret"',
        'Bearer "{}"',
        "Bearer {}\0",
    ],
)
def test_each_refused_authorization_header_is_logged_with_its_address(
    staff: User, caplog: pytest.LogCaptureFixture, form: str
) -> None:
    row, key = ApiKey.issue(user=staff, name="tests")
    assert client_with(form.format(key)).get(JOBS, REMOTE_ADDR="192.0.2.1").status_code in (400, 401)

    [line] = [record.getMessage() for record in caplog.records if "api_key_refused" in record.getMessage()]
    assert "192.0.2.1" in line
    assert (row.prefix in line) == ("{}" in form)
    assert key.split("_", 2)[2][:6] not in line and "secret" not in line and "c2VjcmV0" not in line


def test_a_session_with_another_authorization_header_is_not_logged_as_refused(
    staff: User, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_with("Basic YWRtaW46c2VjcmV0")
    client.force_login(staff)
    assert client.get(JOBS).status_code == 200
    client.credentials()
    client.logout()
    problem_of(client.get(JOBS), 401)
    assert not [record for record in caplog.records if "api_key_refused" in record.getMessage()]
