"""Proves what the web process answers and logs while PostgreSQL cannot be reached, or fails a statement."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.contrib import admin
from django.db import connections
from django.test import Client

from schedules.models import Job
from tests.staff import signed_in
from values import database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.auth.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),
]


@pytest.fixture
def browser(admin_user: User) -> Iterator[Client]:
    """An administrator's browser, and no PostgreSQL that answers."""
    client = signed_in(admin_user)
    client.raise_request_exception = False
    used = connections["default"]
    used.close()
    address = {name: used.settings_dict[name] for name in ("HOST", "PORT")}
    used.settings_dict.update(HOST="127.0.0.1", PORT="1")
    yield client
    used.close()
    used.settings_dict.update(address)


@pytest.mark.parametrize("path", ["/admin/", "/admin/schedules/job/", "/admin/login/"])
def test_an_admin_page_without_a_database_is_a_503_in_the_theme_and_one_log_line(
    browser: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    response = browser.get(path, secure=True)
    text = response.content.decode()
    assert response.status_code == 503
    assert "The database cannot be reached. Try again in a moment." in text
    assert "mainspring/admin.css" in text and "127.0.0.1" not in text
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "page_failed" in record.getMessage() and "Connection refused" in record.getMessage()
    assert "Traceback" not in caplog.text


def test_an_admin_page_whose_statement_fails_for_now_is_a_503_that_says_so(
    admin_user: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        database.execute("DO $$ BEGIN RAISE deadlock_detected; END $$", {})

    client = signed_in(admin_user)
    client.raise_request_exception = False
    monkeypatch.setattr(type(admin.site.get_model_admin(Job)), "get_queryset", fail)

    response = client.get("/admin/schedules/job/", secure=True)
    text = response.content.decode()
    assert response.status_code == 503
    assert "A database error occurred that is usually temporary." in text and "cannot be reached" not in text
    assert "mainspring/admin.css" in text and "deadlock" not in text
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "page_failed" in record.getMessage() and "deadlock_detected" in record.getMessage()
    assert "Traceback" not in caplog.text


def test_a_failed_readiness_check_is_one_log_line(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert browser.get("/health/ready").status_code == 503
    [record] = [record for record in caplog.records if record.levelno > logging.INFO]
    assert "not_ready" in record.getMessage()
