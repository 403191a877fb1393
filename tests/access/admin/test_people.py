"""Proves that staff cannot grant permissions that they lack, nor take over users who have more permissions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from tests.staff import StaffClient, page_of, signed_in, staff_member

if TYPE_CHECKING:
    from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]

USERS = "/admin/auth/user/"
GROUPS = "/admin/auth/group/"
MANAGES = ("view_user", "add_user", "change_user", "delete_user", "view_group", "add_group", "change_group")
NEW_PASSWORD = {"password1": "another correct horse", "password2": "another correct horse", "usable_password": "true"}
WHEN = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}


@pytest.fixture
def manager() -> User:
    return staff_member("manager", *MANAGES)


def permission(name: str) -> Permission:
    return Permission.objects.get(codename=name)


def save(client: Client, user: User, **fields: Any) -> Any:
    form = {"username": user.username, "is_active": "on", "is_staff": "on", **WHEN, **fields}
    return client.post(f"{USERS}{user.pk}/change/", form)


def test_only_a_superuser_can_change_or_delete_a_superuser(manager: User, admin_user: User) -> None:
    client = signed_in(manager)
    page_of(client.get(f"{USERS}{admin_user.pk}/change/"))
    assert client.post(f"{USERS}{admin_user.pk}/password/", NEW_PASSWORD).status_code == 403
    assert save(client, admin_user, username="mine").status_code == 403
    assert client.post(f"{USERS}{admin_user.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": admin_user.pk, "post": "yes"}
    assert client.post(USERS, chosen).status_code == 403
    before = admin_user.password
    admin_user.refresh_from_db()
    assert (admin_user.username, admin_user.password) == ("admin", before)


def test_only_a_superuser_can_make_a_user_a_superuser(manager: User, admin_user: User) -> None:
    colleague = staff_member("colleague")
    assert save(signed_in(manager), colleague, first_name="Ada", is_superuser="on").status_code == 302
    colleague.refresh_from_db()
    assert colleague.first_name == "Ada" and not colleague.is_superuser
    save(signed_in(manager), manager, is_superuser="on")
    manager.refresh_from_db()
    assert not manager.is_superuser
    assert save(signed_in(admin_user), colleague, is_superuser="on").status_code == 302
    colleague.refresh_from_db()
    assert colleague.is_superuser


def test_staff_cannot_grant_permissions_that_they_do_not_have(manager: User) -> None:
    colleague = staff_member("colleague")
    strong = Group.objects.create(name="strong")
    strong.permissions.add(permission("change_job"))
    weak = Group.objects.create(name="weak")
    weak.permissions.add(permission("view_user"))
    client = signed_in(manager)
    assert save(client, colleague, user_permissions=permission("change_job").pk).status_code == 200
    assert save(client, colleague, groups=strong.pk).status_code == 200
    assert not colleague.get_all_permissions()
    assert save(client, colleague, groups=weak.pk, user_permissions=permission("change_user").pk).status_code == 302
    assert User.objects.get(pk=colleague.pk).get_all_permissions() == {"auth.view_user", "auth.change_user"}


def test_staff_cannot_set_the_password_of_a_user_with_more_permissions(manager: User) -> None:
    stronger = staff_member("stronger", "change_job")
    assert signed_in(manager).post(f"{USERS}{stronger.pk}/password/", NEW_PASSWORD).status_code == 403
    stronger.is_active = False
    stronger.save()
    assert save(signed_in(manager), stronger).status_code == 403
    weaker = staff_member("weaker", "view_user")
    assert signed_in(manager).post(f"{USERS}{weaker.pk}/password/", NEW_PASSWORD).status_code == 302


def test_staff_cannot_give_a_group_permissions_that_they_do_not_have(manager: User) -> None:
    group = Group.objects.create(name="mine")
    manager.groups.add(group)
    client = signed_in(manager)
    form = {"name": "mine", "permissions": permission("change_job").pk}
    assert client.post(f"{GROUPS}{group.pk}/change/", form).status_code == 200
    assert client.post(f"{GROUPS}add/", form | {"name": "other"}).status_code == 200
    assert not Group.objects.filter(permissions__codename="change_job").exists()
    assert (
        client.post(f"{GROUPS}{group.pk}/change/", form | {"permissions": permission("view_user").pk}).status_code
        == 302
    )
    strong = Group.objects.create(name="strong")
    strong.permissions.add(permission("change_job"))
    assert client.post(f"{GROUPS}{strong.pk}/change/", {"name": "strong"}).status_code == 403


@pytest.mark.parametrize("query", ["", "?next=https://elsewhere.example/", "?next=//elsewhere.example"])
def test_the_sign_in_redirects_to_the_overview_and_not_to_other_sites(manager: User, query: str) -> None:
    form = {"username": manager.username, "password": "correct horse"}
    response = StaffClient().post(f"/admin/login/{query}", form)
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_a_missing_permission_is_logged_in_one_line(manager: User, caplog: pytest.LogCaptureFixture) -> None:
    (handler,) = logging.getLogger().manager.root.handlers[:1]
    assert signed_in(manager).get("/admin/schedules/job/").status_code == 403
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.getMessage() == "Forbidden (Permission denied): /admin/schedules/job/"
    for each in handler.filters:
        each.filter(record)  # type: ignore[union-attr]  # OneLineErrors
    assert not record.exc_info
