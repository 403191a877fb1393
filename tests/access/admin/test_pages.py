"""Proves that a page of the admin beside Django's own is for staff, and that its template gets what it needs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from access.admin.pages import Pages
from access.models import ApiKey


class KeyPages(Pages[ApiKey]):
    def show(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("shown")


@pytest.fixture
def pages() -> KeyPages:
    found: Any = site.get_model_admin(ApiKey)
    return KeyPages(found)


def request_of(user: Any) -> HttpRequest:
    request = RequestFactory().get("/admin/x/")
    request.user = user
    return request


@pytest.mark.parametrize(
    ("user", "status"),
    [
        (User(is_active=True, is_staff=True), 200),
        (User(is_active=True, is_staff=False), 302),
        (User(is_active=False, is_staff=True), 302),
        (AnonymousUser(), 302),
    ],
    ids=["staff", "not staff", "inactive", "anonymous"],
)
def test_only_active_staff_reach_a_page(pages: KeyPages, user: Any, status: int) -> None:
    address = pages.path("<int:key_id>/show/", lambda request, key_id: pages.show(request), "key_show")

    response = address.callback(request_of(user), key_id=1)

    assert response.status_code == status


def test_a_page_keeps_its_route_and_its_name(pages: KeyPages) -> None:
    address = pages.path("show/", pages.show, "key_show")

    assert (address.name, str(address.pattern)) == ("key_show", "show/")


@pytest.mark.django_db
def test_a_template_gets_the_title_the_model_and_what_the_page_adds(pages: KeyPages) -> None:
    context = pages.context(request_of(User(pk=1, is_active=True, is_staff=True)), "Revoke", n_keys=3)

    assert (context["title"], context["opts"], context["n_keys"]) == ("Revoke", ApiKey._meta, 3)
    assert context["has_permission"] is True


@pytest.mark.django_db
def test_what_a_page_adds_replaces_what_all_pages_have(pages: KeyPages) -> None:
    context = pages.context(request_of(AnonymousUser()), "Revoke", site_title="Mine")

    assert context["site_title"] == "Mine"


def test_a_group_of_pages_must_name_its_addresses(pages: KeyPages) -> None:
    with pytest.raises(NotImplementedError):
        pages.urls()
