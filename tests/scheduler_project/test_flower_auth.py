"""Proves with a real Flower that only signed-in superusers can use it, and that its pages cannot be framed."""

from __future__ import annotations

import logging
import runpy
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from tests.flower_process import Flower, running_flower

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

CLOSED = ["/", "/workers", "/tasks", "/task/x", "/broker", "/tasks/datatable", "/metrics"]
CLOSED_API = ["/api/workers", "/api/tasks", "/api/task/types", "/api/queues/length", "/api/task/info/x"]


@pytest.fixture
def flower(tmp_path: Path) -> Iterator[Flower]:
    with running_flower(tmp_path) as flower:
        yield flower


def session_of(username: str, *, is_superuser: bool, is_active: bool = True) -> str:
    user = get_user_model().objects.create_user(username, is_staff=True, is_superuser=is_superuser)
    client = Client()
    client.force_login(user)
    if not is_active:
        user.is_active = False
        user.save()
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_only_the_session_of_an_active_superuser_gives_access_to_flower(flower: Flower) -> None:
    # Without a session every page redirects to the sign-in page.
    for path in CLOSED + CLOSED_API:
        status, place, _ = flower.request(path)
        assert (status, place.split("?")[0]) == (302, "/login"), path
    for path in ("/api/worker/shutdown/any", "/api/task/async-apply/executions.reap", "/tasks/datatable"):
        assert flower.request(path, method="POST")[0] == 403, path
    status, place, _ = flower.request("/login?next=/tasks")
    assert status == 302
    assert "/admin/login/?next=" in place

    # Sessions of users who are no active superusers, and a cookie that Flower did not sign.
    assert flower.sign_in("nonsense") == ""
    assert flower.sign_in(session_of("viewer", is_superuser=False)) == ""
    assert flower.sign_in(session_of("former", is_superuser=True, is_active=False)) == ""
    forged = (
        'user="2|1:0|10:1790000000|4:user|8:c3RhZmZ5|0000000000000000000000000000000000000000000000000000000000000000"'
    )
    assert flower.request("/tasks", cookies=forged)[0] == 302

    # A superuser's session.
    session = session_of("operator", is_superuser=True)
    status, place, cookie = flower.request("/login?next=/tasks", cookies=f"sessionid={session}")
    assert (status, place) == (302, "/tasks")
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    user = flower.sign_in(session)
    for path in ("/", "/tasks", "/api/workers", "/metrics"):
        assert flower.request(path, cookies=user)[0] == 200, path

    # The sign-in redirects to Flower's own pages only.
    for wanted in ("https://elsewhere.example/", "/tasks%0d%0aX-Evil:%201", "/%00", "/%E2%98%83"):
        status, place, _ = flower.request(f"/login?next={wanted}", cookies=f"sessionid={session}")
        assert (status, place) == (302, "/"), wanted
    assert flower.request("/login?next=/%ff", cookies=f"sessionid={session}")[0] == 400

    # A change of the password ends the session.
    person = get_user_model().objects.get(username="operator")
    person.set_password("another correct horse")
    person.save()
    assert flower.sign_in(session) == ""


def test_pages_of_flower_cannot_be_framed(flower: Flower) -> None:
    session = session_of("operator", is_superuser=True)
    for path, cookies in (("/", flower.sign_in(session)), ("/workers", ""), ("/nowhere", ""), ("/login", "")):
        headers = flower.headers(path, cookies=cookies)
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["Content-Security-Policy"] == "frame-ancestors 'none'", path
        assert headers["X-Content-Type-Options"] == "nosniff", path


def test_flower_logs_errors_of_an_inspection_but_no_workers_that_do_not_respond(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("flower.inspector")
    monkeypatch.setattr(logger, "filters", [])
    runpy.run_path("scheduler_project/flowerconfig.py")
    logger.warning("Inspect method %s failed", "conf")
    logger.warning("Inspect method %s failed: %s", "conf", "the broker is away")
    assert caplog.messages == ["Inspect method conf failed: the broker is away"]
