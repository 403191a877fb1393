"""Proves the Content-Security-Policy of each kind of page. The browser tests prove that pages work with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests.staff import StaffClient, signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


def policy_of(client: StaffClient, path: str) -> dict[str, str]:
    header: str = client.get(path)["Content-Security-Policy"]
    return dict(directive.split(" ", 1) for directive in header.split("; "))


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs", "/api/redoc"])
def test_a_page_allows_no_inline_scripts_and_no_framing(path: str) -> None:
    policy = policy_of(StaffClient(), path)
    assert "unsafe-inline" not in policy.get("script-src", policy["default-src"])
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "http" not in " ".join(policy.values())


def test_the_sign_in_form_may_redirect_to_flowers_origin(admin_user: User, settings: Settings) -> None:
    settings.FLOWER_URL = "http://127.0.0.1:5555/somewhere"
    assert policy_of(signed_in(admin_user), "/admin/")["form-action"] == "'self' http://127.0.0.1:5555"


def test_a_page_in_the_theme_has_the_policy_of_the_admin_at_every_url() -> None:
    assert policy_of(StaffClient(), "/nothing")["script-src"] == "'self' 'unsafe-eval'"


def test_responses_that_are_not_html_have_no_policy() -> None:
    assert "Content-Security-Policy" not in StaffClient().get("/api/v1/openapi.json")


@pytest.mark.parametrize(
    ("path", "host", "https", "status"),
    [
        ("/admin/login/", "testserver", True, 200),
        ("/nothing", "testserver", True, 404),
        ("/%00", "testserver", True, 400),
        ("/admin/", "elsewhere", True, 400),
        ("/admin/", "elsewhere", False, 400),
    ],
)
def test_every_page_has_all_security_headers(
    settings: Settings, path: str, host: str, https: bool, status: int
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = Client(headers={"host": host}).get(path, secure=https)

    assert (response.status_code, response["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
