"""Proves that a page of the admin lists, offers and changes only what `access.visibility` allows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import Group, User
from django.db.models import Q
from django.test import RequestFactory

from access import visibility
from access.admin.filters import VisibleRelatedFilter
from access.admin.theming import ModelAdmin
from access.models import ApiKey, Scope
from access.visibility import Action
from tests.staff import signed_in, staff_member

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:No directory at:UserWarning")]


@pytest.fixture
def scopes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scope]:
    """Three scopes: callers may change the first, see the second, and do not see the third."""
    visible = {Action.VIEW: ["own", "seen"]}
    rule: dict[str, Any] = {"access.scope": lambda caller, action: Q(tenant__in=visible.get(action, ["own"]))}
    monkeypatch.setattr(visibility, "RULES", {**visibility.RULES, **rule})
    return {name: Scope.objects.create(kind="tenant", tenant=name) for name in ("own", "seen", "unseen")}


@pytest.fixture
def page() -> ModelAdmin[Scope]:
    return ModelAdmin(Scope, AdminSite())


def request_of(user: User, **form: Any) -> Any:
    request = RequestFactory().post("/", form)
    request.user = user
    return request


def test_a_list_has_the_visible_rows_only(page: ModelAdmin[Scope], scopes: dict[str, Scope]) -> None:
    rows = page.get_queryset(request_of(staff_member("ann")))

    assert {row.tenant for row in rows} == {"own", "seen"}


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("add_scope", {"add"}),
        ("view_scope", {"view"}),
        ("change_scope", {"view", "change"}),
        ("delete_scope", {"delete"}),
    ],
)
def test_each_permission_allows_its_pages_and_change_also_allows_view(
    page: ModelAdmin[Scope], permission: str, allowed: set[str]
) -> None:
    request = request_of(staff_member("ann", permission))

    found = {name for name in ("add", "view", "change", "delete") if getattr(page, f"has_{name}_permission")(request)}

    assert found == allowed


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("own", {"view", "change", "delete"}), ("seen", {"view"}), ("unseen", set())],
)
def test_permissions_for_an_object_end_where_the_caller_is_limited(
    page: ModelAdmin[Scope], scopes: dict[str, Scope], name: str, allowed: set[str]
) -> None:
    request = request_of(staff_member("ann", "view_scope", "change_scope", "delete_scope"))

    found = {
        action
        for action in ("view", "change", "delete")
        if getattr(page, f"has_{action}_permission")(request, scopes[name])
    }

    assert found == allowed


def test_a_form_offers_the_visible_rows_of_a_field(scopes: dict[str, Scope]) -> None:
    field: Any = ApiKey._meta.get_field("scope")
    keys: ModelAdmin[ApiKey] = ModelAdmin(ApiKey, AdminSite())

    offered = keys.get_field_queryset(None, field, request_of(staff_member("ann")))

    assert offered is not None
    assert {row.tenant for row in offered} == {"own", "seen"}


def test_a_form_keeps_the_order_of_the_offered_rows_own_list(scopes: dict[str, Scope]) -> None:
    site = AdminSite()
    site.register(Scope, type("ScopeAdmin", (ModelAdmin,), {"ordering": ("-tenant",)}))
    field: Any = ApiKey._meta.get_field("scope")

    offered = ModelAdmin(ApiKey, site).get_field_queryset(None, field, request_of(staff_member("ann")))

    assert offered is not None
    assert [row.tenant for row in offered] == ["seen", "own"]


def test_an_action_gets_only_the_rows_that_the_caller_may_change(scopes: dict[str, Scope]) -> None:
    taken: list[str] = []

    def note(page: Any, request: Any, queryset: Any) -> None:
        taken.extend(row.tenant for row in queryset)

    page: Any = type("ScopeAdmin", (ModelAdmin,), {"actions": [note]})(Scope, AdminSite())
    keys = [scope.pk for scope in scopes.values()]
    request = request_of(staff_member("ann", "change_scope"), action="note", index=0, _selected_action=keys)

    page.response_action(request, page.get_queryset(request))

    assert taken == ["own"]


def test_a_filter_offers_only_what_the_caller_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    _, unseen = (Group.objects.create(name=name) for name in ("seen", "unseen"))
    rule: dict[str, Any] = {"auth.group": lambda caller, action: ~Q(pk=unseen.pk)}
    monkeypatch.setattr(visibility, "RULES", {**visibility.RULES, **rule})
    page: Any = ModelAdmin(User, AdminSite())
    request = request_of(staff_member("ann", "view_user"))
    field: Any = User._meta.get_field("groups")

    found = VisibleRelatedFilter(field, request, {}, User, page, "groups")

    assert [name for _, name in found.lookup_choices] == ["seen"]


def test_a_page_that_has_its_own_address_needs_a_signed_in_member_of_staff() -> None:
    address = "/admin/access/apikey/1/revoke/"
    member = staff_member("ann", "change_apikey")
    member.is_staff = False
    member.save()

    response = signed_in(member).post(address)

    assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={address}")
