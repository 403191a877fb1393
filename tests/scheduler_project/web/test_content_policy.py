"""The Content-Security-Policy that pages carry. That no page breaks it, the browser's stories tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.staff import StaffClient, signed_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


def policy_of(client: StaffClient, path: str) -> dict[str, str]:
    header: str = client.get(path)["Content-Security-Policy"]
    return dict(directive.split(" ", 1) for directive in header.split("; "))


@pytest.mark.parametrize("path", ["/admin/login/", "/api/docs", "/api/redoc"])
def test_a_page_runs_no_inline_script_and_is_framed_by_nobody(path: str) -> None:
    policy = policy_of(StaffClient(), path)
    assert "unsafe-inline" not in policy.get("script-src", policy["default-src"])
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "http" not in " ".join(policy.values())


def test_signing_in_may_lead_on_to_flower_where_it_runs(admin_user: User, settings: Settings) -> None:
    settings.FLOWER_URL = "http://127.0.0.1:5555/somewhere"
    assert policy_of(signed_in(admin_user), "/admin/")["form-action"] == "'self' http://127.0.0.1:5555"


def test_answers_that_are_no_pages_have_none() -> None:
    assert "Content-Security-Policy" not in StaffClient().get("/api/v1/openapi.json")
