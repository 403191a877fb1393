"""Proves that failed sign-ins are logged and slowed down, without a word about whether the user exists."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from access.models import SignInCount
from tests.factories import NOW
from values import clock

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

HOME, ELSEWHERE = "192.0.2.1", "203.0.113.9"


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def sign_in(name: str = "admin", password: str = "wrong", address: str = HOME, **extra: Any) -> Any:
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post("/admin/login/", form, secure=True, **extra)


def lines_about(caplog: pytest.LogCaptureFixture, event: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if event in record.getMessage()]


@pytest.mark.parametrize("name", ["admin", "nobody"])
def test_the_sixth_failure_in_a_row_must_wait(admin_user: User, caplog: pytest.LogCaptureFixture, name: str) -> None:
    for _ in range(5):
        assert sign_in(name).status_code == 200
    response = sign_in(name, "correct horse")

    assert response.status_code == 429
    assert response["Retry-After"] == "1"
    assert "too many failed attempts. Try again in 1 second." in response.content.decode()
    assert len(lines_about(caplog, "sign_in_failed")) == 5
    [line] = lines_about(caplog, "sign_in_delayed")
    assert name in line and HOME in line


def test_a_failure_is_logged_with_user_and_address(
    admin_user: User, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    settings.BEHIND_PROXY = True
    sign_in("ann\nforged line " + "x" * 100, address="10.0.0.1", headers={"x-forwarded-for": f"6.6.6.6, {ELSEWHERE}"})

    [record] = [record for record in caplog.records if "sign_in_failed" in record.getMessage()]
    assert record.levelno == logging.WARNING
    text = record.getMessage()
    assert ELSEWHERE in text and "6.6.6.6" not in text and "10.0.0.1" not in text
    assert "ann" in text and "\nforged" not in text and "x" * 60 not in text
    assert "wrong" not in text


def test_the_right_password_signs_in_and_is_not_counted(admin_user: User) -> None:
    sign_in()
    assert sign_in(password="correct horse").status_code == 302
    assert not SignInCount.objects.exclude(user_name="").filter(n_failures__gt=0).exists()


def test_failures_elsewhere_do_not_keep_a_user_from_signing_in_at_home(admin_user: User) -> None:
    assert sign_in(password="correct horse").status_code == 302
    for number in range(30):
        sign_in(address=f"203.0.113.{number}")

    assert sign_in(address=ELSEWHERE).status_code == 429
    assert sign_in(password="correct horse").status_code == 302


@pytest.mark.parametrize("form", [{}, {"username": "admin"}, {"password": "x"}, {"username": "a\0b", "password": "x"}])
def test_an_incomplete_form_is_not_an_attempt(db: None, form: dict[str, str]) -> None:
    assert Client().post("/admin/login/", form, secure=True).status_code == 200
    assert not SignInCount.objects.exists()


def test_a_user_who_is_not_staff_counts_as_a_failure(db: None, django_user_model: Any) -> None:
    django_user_model.objects.create_user("visitor", password="correct horse")
    assert sign_in("visitor", "correct horse").status_code == 200
    assert SignInCount.objects.get(user_name="visitor", network="").n_failures == 1


def test_names_of_any_length_and_script_are_counted(db: None) -> None:
    for name in ("x" * 200, "ß" * 150, "\ud7ff", "🙂"):
        assert sign_in(name).status_code == 200
    assert SignInCount.objects.count()
