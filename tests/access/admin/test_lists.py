"""Proves that a list of the admin is cut into pages without counting its rows, and which links it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from access.admin.lists import MAX_PAGE, UncountedChangeList, counted, cut, origin_of
from access.admin.theming import ModelAdmin
from access.models import Scope
from tests.staff import StaffClient

if TYPE_CHECKING:
    from django.http import HttpRequest

pytestmark = pytest.mark.django_db


class ScopeAdmin(ModelAdmin[Scope]):
    list_display = ("tenant",)
    list_filter = ("kind",)
    list_per_page = 3
    ordering = ("tenant",)
    chips = (("All", "kind__exact", ""), ("Tenants", "kind__exact", "tenant"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[UncountedChangeList]:
        return UncountedChangeList


def page(n_rows: int, query: str = "") -> UncountedChangeList:
    """Return a page of a list of `n_rows` scopes, which are called a, b, c, ..."""
    Scope.objects.bulk_create(Scope(kind="tenant", tenant=chr(ord("a") + number)) for number in range(n_rows))
    request = RequestFactory().get(f"/{query}")
    request.user = User(pk=1, is_active=True, is_superuser=True)
    Scope.objects.filter(kind="system").update(kind="tenant", tenant="~last")
    found = ScopeAdmin(Scope, AdminSite()).get_changelist_instance(request)
    assert isinstance(found, UncountedChangeList)
    return found


def tenants(change_list: UncountedChangeList) -> str:
    return "".join(row.tenant[0] for row in change_list.result_list)


@pytest.mark.parametrize(
    ("query", "shown", "has_more", "is_multi_page"),
    [
        ("", "abc", True, True),
        ("?p=2", "def", True, True),
        ("?p=3", "g~", False, True),
        ("?p=4", "", False, True),
        ("?p=0", "abc", True, True),
        ("?p=-7", "abc", True, True),
    ],
    ids=["first", "second", "last", "beyond the last", "zero", "negative"],
)
def test_each_page_has_its_rows_and_knows_whether_another_follows(
    query: str, shown: str, has_more: bool, is_multi_page: bool
) -> None:
    change_list = page(7, query)

    assert tenants(change_list) == shown
    assert (change_list.has_more, change_list.multi_page) == (has_more, is_multi_page)
    assert not change_list.is_cut_off


@pytest.mark.parametrize(("n_rows", "has_more"), [(1, False), (2, False), (3, True)])
def test_a_full_page_has_another_only_if_a_row_is_left(n_rows: int, has_more: bool) -> None:
    change_list = page(n_rows)  # and the system scope

    assert change_list.has_more is change_list.multi_page is has_more


def test_the_number_of_rows_is_that_of_the_page() -> None:
    change_list = page(7)

    assert change_list.result_count == change_list.full_result_count == 3


def test_the_rows_of_a_page_share_one_time() -> None:
    change_list = page(7)

    assert {row.now for row in change_list.result_list} == {change_list.now}


def test_actions_are_offered_only_where_rows_are_shown() -> None:
    assert page(2).show_admin_actions
    assert not page(0, "?p=9").show_admin_actions


def test_the_last_page_says_that_more_rows_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.admin.lists.MAX_PAGE", 2)
    last = page(7, "?p=2")

    assert (tenants(last), last.has_more, last.is_cut_off) == ("def", False, True)


@pytest.mark.parametrize(("n_rows", "is_cut_off"), [(5, False), (6, True)], ids=["just full", "one more"])
def test_the_last_page_is_cut_off_only_if_a_row_follows(
    monkeypatch: pytest.MonkeyPatch, n_rows: int, is_cut_off: bool
) -> None:
    monkeypatch.setattr("access.admin.lists.MAX_PAGE", 2)

    assert page(n_rows, "?p=2").is_cut_off is is_cut_off


def test_a_page_beyond_the_limit_shows_the_last_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("access.admin.lists.MAX_PAGE", 2)

    assert tenants(page(7, f"?p={MAX_PAGE + 99}")) == "def"


def test_no_query_of_a_page_counts_rows() -> None:
    with CaptureQueriesContext(connection) as captured:
        page(7, "?p=2")

    assert not [query for query in captured.captured_queries if "COUNT(" in query["sql"].upper()]


@pytest.mark.parametrize(
    ("query", "active"), [("", "All"), ("?kind__exact=tenant", "Tenants"), ("?kind__exact=system", None)]
)
def test_the_quick_filter_of_the_shown_rows_is_marked(query: str, active: str | None) -> None:
    chips = page(1, query).chips

    assert [chip["label"] for chip in chips if chip["is_active"]] == ([active] if active else [])


def test_a_quick_filter_sets_or_removes_its_parameter_and_keeps_the_others() -> None:
    everything, narrow = page(1, "?kind__exact=tenant&q=a").chips

    assert parse_qs(str(everything["url"]).removeprefix("?")) == {"q": ["a"]}
    assert parse_qs(str(narrow["url"]).removeprefix("?")) == {"q": ["a"], "kind__exact": ["tenant"]}


def test_rows_are_cut_after_their_order() -> None:
    page(7)
    rows = Scope.objects.order_by("-tenant")

    assert [row.tenant for row in cut(rows, rows[:5], 3)] == ["e", "d"]
    assert list(cut(rows, rows[:5], 5)) == []


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        ("https://testserver/admin/x/?page=2", "https://testserver/admin/x/?page=2"),
        ("/admin/x/", "/admin/x/"),
        ("", "/default/"),
        ("https://elsewhere.example/admin/", "/default/"),
        ("https://testserver.elsewhere.example/", "/default/"),
        ("http://testserver/admin/", "/default/"),
        ("//elsewhere.example", "/default/"),
        ("javascript:alert(1)", "/default/"),
    ],
    ids=["page", "path", "none", "other site", "similar site", "not TLS", "without scheme", "script"],
)
def test_a_button_returns_to_its_page_and_never_to_another_site(referer: str, expected: str) -> None:
    request = StaffClient().get("/no-such-page", headers={"referer": referer}).wsgi_request

    assert origin_of(request, "/default/") == expected


def test_a_page_without_a_referer_returns_to_the_default() -> None:
    assert origin_of(RequestFactory().post("/"), "/default/") == "/default/"


@pytest.mark.parametrize(
    ("n", "plural", "text"),
    [(0, "", "0 jobs"), (1, "", "1 job"), (2, "", "2 jobs"), (12_345, "", "12,345 jobs"), (2, "entries", "2 entries")],
)
def test_a_number_is_shown_with_its_noun(n: int, plural: str, text: str) -> None:
    assert counted(n, "job", plural) == text
