"""Proves what permissions and limits allow a caller, and which users, groups and keys are within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import Q
from django.http import Http404
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request

from access import visibility
from access.api.authentication import ApiKeyAuthentication
from access.models import ApiKey, Scope
from access.system import SYSTEM_SCOPE_ID
from access.visibility import (
    ENGINE,
    Action,
    Caller,
    caller_of,
    changeable,
    deferred_caller,
    hidden,
    is_hidden,
    limit,
    limits,
    may,
    require,
    scope_for_new,
    visible,
)
from tests.staff import staff_member

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    """Return a function that sets the rule of a model."""

    def set_rule(label: str, decide: Any) -> None:
        monkeypatch.setattr(visibility, "RULES", {**visibility.RULES, label: decide})

    return set_rule


def named(queryset: Any) -> set[str]:
    return {str(row) for row in queryset}


def group(name: str, *permissions: str) -> Group:
    found = Group.objects.create(name=name)
    found.permissions.set(Permission.objects.filter(codename__in=permissions))
    return found


@pytest.mark.parametrize("action", [Action.VIEW, Action.ADD, Action.CHANGE, Action.DELETE])
def test_each_action_needs_its_own_permission(action: Action) -> None:
    caller = Caller(staff_member("ann", f"{action}_scope"))

    allowed = {each for each in Action if may(caller, each, Scope)}

    assert allowed == {action}


def test_a_permission_for_one_model_is_none_for_another() -> None:
    caller = Caller(staff_member("ann", "view_scope"))

    assert may(caller, Action.VIEW, "access.scope")
    assert not may(caller, Action.VIEW, "access.apikey")


def test_nobody_who_is_not_signed_in_may_do_anything_and_the_engine_everything() -> None:
    anybody = Caller(AnonymousUser())

    assert not any(may(anybody, action, Scope) for action in Action)
    assert all(may(ENGINE, action, Scope) for action in Action)


def test_a_stored_object_needs_the_permission_and_must_not_be_hidden(rule: Callable[[str, Any], None]) -> None:
    mine, other = (Scope.objects.create(kind="tenant", tenant=name) for name in ("mine", "other"))
    rule("access.scope", lambda caller, action: Q(tenant="mine"))
    caller = Caller(staff_member("ann", "view_scope"))

    assert may(caller, Action.VIEW, mine)
    assert not may(caller, Action.VIEW, other)
    assert not may(caller, Action.CHANGE, mine)
    assert may(caller, Action.VIEW, Scope(kind="tenant", tenant="new")), "not stored, so nothing hides it"


def test_a_caller_is_the_user_of_the_request() -> None:
    request = RequestFactory().get("/")
    request.user = User(pk=7, username="ann")

    assert caller_of(request) == Caller(request.user)


def test_a_caller_with_an_api_key_has_the_scope_of_the_key() -> None:
    mine = Scope.objects.create(kind="tenant", tenant="mine")
    key, secret = ApiKey.issue(user=User.objects.create(username="ann"), name="billing")
    ApiKey.objects.filter(pk=key.pk).update(scope=mine)
    sent = RequestFactory().get("/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    caller = caller_of(Request(sent, authenticators=[ApiKeyAuthentication()]))

    assert (caller.user, caller.scope_id, scope_for_new(caller)) == (key.user, mine.pk, mine.pk)


@pytest.mark.parametrize(
    ("user", "user_id", "is_superuser"),
    [
        (None, 0, False),
        (AnonymousUser(), 0, False),
        (User(pk=7), 7, False),
        (User(pk=8, is_superuser=True), 8, True),
    ],
    ids=["engine", "anonymous", "user", "superuser"],
)
def test_a_caller_has_the_id_of_the_user(user: Any, user_id: int, is_superuser: bool) -> None:
    caller = Caller(user)

    assert (caller.user_id, caller.is_superuser) == (user_id, is_superuser)


@pytest.mark.parametrize(
    ("caller", "scope_id"),
    [(ENGINE, SYSTEM_SCOPE_ID), (deferred_caller(0), 0), (deferred_caller(12), 12)],
    ids=["engine", "system scope", "tenant"],
)
def test_what_a_caller_creates_belongs_to_the_callers_scope(caller: Caller, scope_id: int) -> None:
    assert scope_for_new(caller) == scope_id


@pytest.mark.parametrize("caller", [ENGINE, Caller(User(pk=1, is_superuser=True))], ids=["engine", "superuser"])
def test_nothing_limits_the_engine_and_a_superuser(caller: Caller) -> None:
    for label in visibility.RULES:
        for action in Action:
            assert limits(label, caller, action) is None


def test_a_rule_limits_work_that_a_member_of_a_scope_started(rule: Callable[[str, Any], None]) -> None:
    mine = Scope.objects.create(kind="tenant", tenant="mine")
    rule("access.scope", lambda caller, action: Q(pk=caller.scope_id))
    caller = deferred_caller(mine.pk)

    assert named(visible(Scope, caller)) == named(changeable(Scope, caller)) == {"tenant/mine"}
    assert named(visible(Scope, ENGINE)) == {"system", "tenant/mine"}


def test_a_queryset_without_a_limit_is_returned_as_it_is() -> None:
    rows = Scope.objects.all()

    assert limit(rows, Caller(User(pk=1))) is rows


def test_a_limit_applies_to_its_action_only(rule: Callable[[str, Any], None]) -> None:
    Scope.objects.create(kind="tenant", tenant="mine")
    rule("access.scope", lambda caller, action: Q(tenant="mine") if action is Action.CHANGE else None)
    caller = Caller(User(pk=1))

    assert named(visible(Scope, caller)) == {"system", "tenant/mine"}
    assert named(changeable(Scope, caller)) == {"tenant/mine"}


def test_hidden_keys_are_those_of_hidden_and_of_missing_rows(rule: Callable[[str, Any], None]) -> None:
    mine = Scope.objects.create(kind="tenant", tenant="mine")
    rule("access.scope", lambda caller, action: Q(tenant="mine"))
    caller = Caller(User(pk=1))

    assert hidden(Scope, caller, [mine.pk, SYSTEM_SCOPE_ID, -5]) == {SYSTEM_SCOPE_ID, -5}
    assert hidden(Scope, ENGINE, [mine.pk, SYSTEM_SCOPE_ID, -5]) == set()


@pytest.mark.parametrize("keys", [[], [0]], ids=["no keys", "no limit"])
def test_hidden_keys_are_looked_up_only_if_something_may_hide_them(
    rule: Callable[[str, Any], None], keys: list[int]
) -> None:
    if not keys:
        rule("access.scope", lambda caller, action: Q(tenant="mine"))
    caller = Caller(User(pk=1))

    with CaptureQueriesContext(connection) as captured:
        assert hidden(Scope, caller, keys) == set()
        assert keys == [] or not is_hidden(caller, Scope, 0)
    assert len(captured) == 0


def test_a_hidden_row_is_not_found_and_one_that_may_only_be_seen_is_denied(rule: Callable[[str, Any], None]) -> None:
    own, seen, unseen = (Scope.objects.create(kind="tenant", tenant=name) for name in ("own", "seen", "unseen"))
    shown = {Action.VIEW: ["own", "seen"]}
    rule("access.scope", lambda caller, action: Q(tenant__in=shown.get(action, ["own"])))
    caller = Caller(User(pk=1))

    require(caller, Action.CHANGE, Scope, own.pk)
    require(caller, Action.VIEW, Scope, seen.pk)
    with pytest.raises(PermissionDenied):
        require(caller, Action.CHANGE, Scope, seen.pk)
    for action in (Action.VIEW, Action.CHANGE):
        with pytest.raises(Http404):
            require(caller, action, Scope, unseen.pk)


@pytest.mark.parametrize("label", sorted(visibility.OWNERS))
def test_the_rows_of_a_hidden_owner_are_hidden_with_it(label: str, rule: Callable[[str, Any], None]) -> None:
    caller = Caller(User(pk=1))
    for field, owner in visibility.OWNERS[label].items():
        rule(owner, lambda caller, action: Q(pk__isnull=False))
        condition = str(visibility._condition(label, caller, Action.VIEW))
        assert f"{field}__in" in condition
    assert visibility._condition(label, ENGINE, Action.VIEW) is None


def test_a_user_sees_only_their_own_keys_and_a_superuser_all(admin_user: User) -> None:
    ann = User.objects.create_user("ann")
    for user in (ann, admin_user):
        ApiKey.issue(user=user, name=f"key of {user}")

    assert {key.name for key in visible(ApiKey, Caller(ann))} == {"key of ann"}
    assert {key.name for key in visible(ApiKey, Caller(admin_user))} == {"key of ann", "key of admin"}
    assert not visible(ApiKey, Caller(AnonymousUser())).exists()


def test_only_users_without_further_permissions_are_within_reach(admin_user: User) -> None:
    ann = staff_member("ann", "view_scope", "add_scope")
    staff_member("weaker", "view_scope")
    staff_member("stronger", "view_scope", "change_scope")
    staff_member("member").groups.add(group("strong", "change_scope"))
    staff_member("equal").groups.add(group("equal", "add_scope"))

    assert named(changeable(User, Caller(ann))) == {"ann", "weaker", "equal"}
    assert named(visible(User, Caller(ann))) >= {"admin", "stronger", "member"}
    assert changeable(User, Caller(admin_user)).count() == User.objects.count()


def test_permissions_by_a_group_extend_the_reach() -> None:
    ann = staff_member("ann", "view_scope")
    stronger = staff_member("stronger", "view_scope", "change_scope")
    assert not may(Caller(ann), Action.CHANGE, stronger)

    ann.groups.add(group("strong", "change_scope"))

    assert named(changeable(User, Caller(ann))) == {"ann", "stronger"}


def test_only_groups_without_further_permissions_may_be_changed() -> None:
    ann = staff_member("ann", "view_scope")
    group("weak", "view_scope")
    group("mixed", "view_scope", "change_scope")
    group("empty")

    assert named(changeable(Group, Caller(ann))) == {"weak", "empty"}
    assert named(visible(Group, Caller(ann))) == {"weak", "mixed", "empty"}


def test_only_held_permissions_may_be_granted_but_all_are_seen() -> None:
    ann = staff_member("ann", "view_scope")
    ann.groups.add(group("adders", "add_scope"))
    permissions = Permission.objects.filter(content_type__model="scope")

    granted = limit(permissions, Caller(ann), Action.GRANT)

    assert {each.codename for each in granted} == {"view_scope", "add_scope"}
    assert limit(permissions, Caller(ann)).count() == 4
