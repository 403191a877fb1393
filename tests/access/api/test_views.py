"""Proves what every view of the API requires of a request before it runs, and whom it names as the actor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate

from access import visibility
from access.api.views import MAX_ACTOR_LENGTH, ApiView, actor_of
from access.models import ApiKey, Scope
from access.visibility import Action
from tests.staff import staff_member

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request


class ScopeView(ApiView):
    needs: ClassVar[Any] = {"GET": [(Action.VIEW, Scope)], "POST": [(Action.CHANGE, Scope)], "DELETE": ()}
    subjects: ClassVar[Mapping[str, Any]] = {"scope_id": Scope}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    def get(self, request: Request, scope_id: int) -> Response:
        return Response({"seen": scope_id})

    def post(self, request: Request, scope_id: int) -> Response:
        return Response({"changed": scope_id})

    def delete(self, request: Request, scope_id: int) -> Response:
        return Response({"deleted": scope_id})


def send(user: Any, method: str = "get", path: str = "/", scope_id: int = 0, **headers: str) -> Any:
    request = getattr(APIRequestFactory(), method)(path, secure=True, **headers)
    force_authenticate(request, user)
    return ScopeView.as_view()(request, scope_id=scope_id)


@pytest.mark.parametrize(
    ("permissions", "method", "status"),
    [
        (["view_scope"], "get", 200),
        (["view_scope"], "head", 200),
        (["view_scope"], "post", 403),
        (["change_scope"], "get", 403),
        (["change_scope"], "head", 403),
        (["change_scope"], "post", 200),
        ([], "delete", 200),
        ([], "get", 403),
        (["view_scope"], "put", 405),
        (["view_scope"], "options", 405),
    ],
    ids=lambda part: "+".join(part) or "none" if isinstance(part, list) else str(part),
)
@pytest.mark.django_db
def test_each_method_needs_its_own_permissions(permissions: list[str], method: str, status: int) -> None:
    assert send(staff_member("ann", *permissions), method).status_code == status


@pytest.mark.django_db
def test_permissions_count_for_active_staff_only() -> None:
    ann = staff_member("ann", "view_scope")
    ann.is_staff = False
    ann.save()

    assert send(ann).status_code == 403
    assert send(AnonymousUser()).status_code in (401, 403)


@pytest.mark.parametrize(
    ("method", "name", "status"),
    [
        ("get", "own", 200),
        ("get", "seen", 200),
        ("get", "unseen", 404),
        ("post", "own", 200),
        ("post", "seen", 403),
        ("post", "unseen", 404),
        ("delete", "seen", 200),
        ("delete", "unseen", 404),
    ],
)
@pytest.mark.django_db
def test_an_object_must_be_visible_and_changeable_as_the_method_needs(
    monkeypatch: pytest.MonkeyPatch, method: str, name: str, status: int
) -> None:
    visible = {Action.VIEW: ["own", "seen"]}
    rule: dict[str, Any] = {"access.scope": lambda caller, action: Q(tenant__in=visible.get(action, ["own"]))}
    monkeypatch.setattr(visibility, "RULES", {**visibility.RULES, **rule})
    scopes = {each: Scope.objects.create(kind="tenant", tenant=each) for each in ("own", "seen", "unseen")}

    response = send(staff_member("ann", "view_scope", "change_scope"), method, scope_id=scopes[name].pk)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/?page_size=2", 200),
        ("head", "/?page_size=2", 200),
        ("delete", "/", 200),
        ("delete", "/?page_size=2", 400),
        ("post", "/?x=1", 400),
    ],
)
@pytest.mark.django_db
def test_a_method_without_parameters_refuses_them(method: str, path: str, status: int) -> None:
    assert send(staff_member("ann", "view_scope", "change_scope"), method, path).status_code == status


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/json", 200), ("*/*", 200), ("text/csv, application/*;q=0.5", 200), ("text/csv", 406)],
    ids=["JSON", "anything", "second choice", "other"],
)
@pytest.mark.django_db
def test_the_accept_header_alone_chooses_the_format(accept: str, status: int) -> None:
    ann = staff_member("ann", "view_scope")

    assert send(ann, HTTP_ACCEPT=accept).status_code == status
    assert send(ann, path="/?format=csv", HTTP_ACCEPT=accept).status_code == status


@pytest.mark.parametrize(
    ("auth", "actor"),
    [(None, "ann"), ("a token", "ann"), (ApiKey(name="billing service"), "ann (key billing service)")],
    ids=["session", "other", "key"],
)
def test_the_actor_is_the_user_with_the_name_of_the_key(auth: object, actor: str) -> None:
    request: Any = SimpleNamespace(user=User(username="ann"), auth=auth)

    assert actor_of(request) == actor


def test_a_long_actor_fits_its_column() -> None:
    request: Any = SimpleNamespace(user=User(username="a" * 150), auth=ApiKey(name="k" * 100))

    assert actor_of(request) == "a" * MAX_ACTOR_LENGTH
