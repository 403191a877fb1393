"""Proves that an API key is shown once, and that only superusers see or create keys of other users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from access.models import ApiKey
from tests.staff import page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

ADD = "/admin/access/apikey/add/"
LIST = "/admin/access/apikey/"


def test_a_new_key_is_in_one_response_and_in_no_cookie_session_or_page(admin_user: User) -> None:
    client = signed_in(admin_user)
    response = client.post(ADD, {"name": "billing", "user": admin_user.pk})
    text = page_of(response)
    row = ApiKey.objects.get()
    secret = text.split('id="secret" tabindex="0">')[1].split("<")[0]
    assert ApiKey.find(secret, datetime.now(UTC)) == row
    assert "no-store" in response["Cache-Control"]
    stored = "".join(cookie.value for cookie in client.cookies.values()) + str(dict(client.session))
    assert secret.split("_", 2)[2] not in stored
    for url in (LIST, f"{LIST}{row.pk}/change/", f"{LIST}{row.pk}/history/"):
        assert secret not in page_of(client.get(url))


def test_only_a_superuser_can_create_keys_for_other_users(admin_user: User) -> None:
    limited = staff_member("limited", "add_apikey", "view_apikey", "change_apikey")
    client = signed_in(limited)
    assert 'name="user"' not in page_of(client.get(ADD))
    client.post(ADD, {"name": "mine", "user": admin_user.pk})
    assert ApiKey.objects.get().user == limited


def test_staff_cannot_see_or_revoke_keys_of_other_users(admin_user: User) -> None:
    theirs, _ = ApiKey.issue(user=admin_user, name="of the administrator")
    client = signed_in(staff_member("limited", "view_apikey", "change_apikey"))
    assert "of the administrator" not in page_of(client.get(LIST))
    client.post(f"{LIST}{theirs.pk}/revoke/")
    client.post(LIST, {"action": "revoke_selected", "_selected_action": theirs.pk})
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_staff_do_not_see_the_names_of_other_users_in_the_list_of_keys(admin_user: User) -> None:
    limited = staff_member("limited", "view_apikey")
    staff_member("somebody_else")
    ApiKey.issue(user=limited, name="mine")
    text = page_of(signed_in(limited).get(LIST))
    assert ">mine</a>" in text and "somebody_else" not in text
    assert "somebody_else" in page_of(signed_in(admin_user).get(LIST))


def test_an_expiry_is_read_in_the_viewers_time_zone(admin_user: User) -> None:
    client = signed_in(admin_user)
    client.cookies["mainspring_zone"] = "Europe/Paris"
    assert "Time zone: Europe/Paris" in page_of(client.get(ADD))
    text = page_of(
        client.post(ADD, {"name": "x", "user": admin_user.pk, "expires_at_0": "2031-01-01", "expires_at_1": "00:00"})
    )
    assert "1 Jan 2031 00:00:00 CET" in text
    assert ApiKey.objects.get().expires_at == datetime(2030, 12, 31, 23, tzinfo=UTC)


def test_a_revoked_key_is_not_valid(admin_user: User) -> None:
    row, secret = ApiKey.issue(user=admin_user, name="old")
    client = signed_in(admin_user)
    assert client.get(f"{LIST}{row.pk}/revoke/").status_code == 405
    client.post(f"{LIST}{row.pk}/revoke/")
    assert ApiKey.find(secret, datetime.now(UTC)) is None
    assert "Revoked" in page_of(client.get(LIST))


def test_an_expiry_in_the_past_is_refused(admin_user: User) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    data = {"name": "late", "user": admin_user.pk, "expires_at_0": f"{yesterday:%Y-%m-%d}", "expires_at_1": "00:00"}
    assert "is in the past" in page_of(signed_in(admin_user).post(ADD, data))
    assert not ApiKey.objects.exists()


def test_all_pages_of_users_and_groups_can_be_opened(admin_user: User) -> None:
    client = signed_in(admin_user)
    for path in (
        "user/",
        "user/add/",
        f"user/{admin_user.pk}/change/",
        f"user/{admin_user.pk}/password/",
        "group/",
        "group/add/",
    ):
        page_of(client.get(f"/admin/auth/{path}"))


def test_the_page_of_a_key_has_no_save_button_and_list_columns_have_labels(admin_user: User) -> None:
    client = signed_in(admin_user)
    assert 'name="_save"' in page_of(client.get(ADD))
    key, _ = ApiKey.issue(user=admin_user, name="billing")
    text = page_of(client.get(f"{LIST}{key.pk}/change/"))
    assert 'name="_save"' not in text
    assert "Revoke this key" in text
    keys = page_of(client.get(LIST))
    for label in ("Name", "User", "State"):
        assert f'data-label="{label}"' in keys


def test_a_key_is_found_by_its_start_as_the_list_shows_it(admin_user: User) -> None:
    found, key = ApiKey.issue(user=admin_user, name="billing")
    ApiKey.issue(user=admin_user, name="reports")
    client = signed_in(admin_user)
    for text in (f"ms_{found.prefix}_…", f"ms_{found.prefix}", found.prefix, found.prefix[:6], key):
        page = page_of(client.get(LIST, {"q": text}))
        assert ">billing</a>" in page and ">reports</a>" not in page, text
