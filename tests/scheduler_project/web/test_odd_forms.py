"""Proves that no value in a form of the libraries' admins is a server error."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User

from tests.staff import page_of

if TYPE_CHECKING:
    from tests.staff import StaffClient

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

ODD_VALUES = (
    "\0",
    "x" * 256,
    "9" * 30,
    "-1",
    "[]",
    "../x",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "9" * 5000,
)
FORMS = {
    "django_celery_beat/periodictask": {"name": "new", "task": "executions.reap", "args": "[]", "kwargs": "{}"},
    "django_celery_beat/intervalschedule": {"every": "1", "period": "hours"},
    "django_celery_beat/crontabschedule": {"timezone": "UTC", "initial-timezone": "UTC"},
    "django_celery_beat/solarschedule": {"event": "sunset", "latitude": "1", "longitude": "1"},
    "django_celery_beat/clockedschedule": {"clocked_time_0": "2026-12-01", "clocked_time_1": "10:00"},
    "auth/user": {"username": "new", "password1": "correct horse 1", "password2": "correct horse 1"},
    "auth/group": {"name": "new"},
}


class Fields(HTMLParser):
    """The names of the fields of a page's forms, with their values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if name and tag in ("input", "select", "textarea") and name not in ("csrfmiddlewaretoken", "_save", "q"):
            self.found[name] = given.get("value") or ""


@pytest.mark.parametrize("form", FORMS)
def test_no_value_of_a_field_is_a_server_error(admin: StaffClient, form: str) -> None:
    admin.raise_request_exception = False
    address = f"/admin/{form}/add/"
    assert_no_server_error(admin, address, Fields(page_of(admin.get(address))).found | FORMS[form])


def assert_no_server_error(admin: StaffClient, address: str, valid: dict[str, str]) -> None:
    statuses: dict[tuple[str, str], Any] = {}
    for name in valid:
        for value in ODD_VALUES:
            # The form is not saved, so that the next one is not refused for its name.
            data = {each: text for each, text in valid.items() if not each.startswith("_")} | {name: value}
            statuses[name, value[:20]] = admin.post(address, data).status_code
    assert {key: status for key, status in statuses.items() if status >= 500} == {}
    assert 200 in statuses.values()


def test_no_value_of_a_users_own_form_is_a_server_error(admin: StaffClient) -> None:
    admin.raise_request_exception = False
    user = User.objects.create_user("other", password="correct horse 1")
    address = f"/admin/auth/user/{user.pk}/change/"
    assert_no_server_error(admin, address, Fields(page_of(admin.get(address))).found)
