"""Proves that the pages of a list in any order hold each row once, in both directions, whatever the page size."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from access.api.exceptions import InvalidInput
from access.api.paging import Page, paginate
from access.models import ApiKey, Scope
from tests.staff import staff_member

pytestmark = pytest.mark.django_db

ORDERS = [("-id",), ("organization", "id"), ("-tenant", "-organization")]


@pytest.fixture(autouse=True)
def scopes() -> None:
    """Seven scopes of three tenants, in no order."""
    pairs = [("b", 3), ("a", 1), ("c", 2), ("a", 3), ("b", 1), ("c", 1), ("a", 2)]
    Scope.objects.bulk_create(
        Scope(kind="organization", tenant=tenant, organization=str(number)) for tenant, number in pairs
    )


def page_at(cursor: str | None, order: tuple[str, ...], size: int, values: list[str] | None = None) -> Page[Scope]:
    request = Request(APIRequestFactory().get("/scopes?kind=x", secure=True))
    rows = Scope.objects.filter(kind="organization")
    parameters: Any = SimpleNamespace(cursor=cursor, page_size=size)
    return paginate(request, rows, parameters, order, ("tenant", values))


def cursor_in(url: str) -> str:
    return parse_qs(urlsplit(url).query)["cursor"][0]


def walk(order: tuple[str, ...], size: int, values: list[str] | None = None) -> list[list[int]]:
    """Return the keys of all pages from the first to the last, after a walk back that has to find the same pages."""
    page = page_at(None, order, size, values)
    assert page.previous is None
    forth = [[row.pk for row in page.rows]]
    while page.next:
        page = page_at(cursor_in(page.next), order, size, values)
        forth.append([row.pk for row in page.rows])
    back = [forth[-1]]
    while page.previous:
        page = page_at(cursor_in(page.previous), order, size, values)
        back.append([row.pk for row in page.rows])
    assert back[::-1] == forth
    return forth


@pytest.mark.parametrize(("order", "size"), list(product(ORDERS, (1, 3, 6, 7))), ids=str)
def test_the_pages_hold_each_row_once_and_in_order(order: tuple[str, ...], size: int) -> None:
    pages = walk(order, size)

    expected = list(Scope.objects.filter(kind="organization").order_by(*order).values_list("pk", flat=True))
    assert [key for page in pages for key in page] == expected
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert 1 <= len(pages[-1]) <= size


@pytest.mark.parametrize("values", [["a"], ["c", "a"], ["a", "a", "b"], ["x"]], ids=str)
@pytest.mark.parametrize("order", [("-id",), ("organization", "id")], ids=str)
def test_pages_of_several_values_hold_their_rows_only(order: tuple[str, ...], values: list[str]) -> None:
    pages = walk(order, 2, values)

    rows = Scope.objects.filter(kind="organization", tenant__in=values).order_by(*order)
    assert [key for page in pages for key in page] == list(rows.values_list("pk", flat=True))


def test_a_link_is_absolute_and_keeps_the_other_parameters() -> None:
    url = page_at(None, ("id",), 3).next

    assert url is not None
    assert url.startswith("https://testserver/scopes?")
    assert parse_qs(urlsplit(url).query)["kind"] == ["x"]


def test_an_empty_list_has_no_links() -> None:
    Scope.objects.filter(kind="organization").delete()

    assert page_at(None, ("id",), 3) == Page([], None, None)


def test_a_cursor_continues_after_its_row_even_if_that_row_is_gone() -> None:
    first = page_at(None, ("tenant", "organization"), 3)
    Scope.objects.filter(pk=first.rows[-1].pk).delete()

    second = page_at(cursor_in(first.next or ""), ("tenant", "organization"), 3)

    assert [f"{row.tenant}{row.organization}" for row in second.rows] == ["b1", "b3", "c1"]


def test_a_cursor_of_a_list_with_another_number_of_columns_is_refused() -> None:
    cursor = cursor_in(page_at(None, ("id",), 3).next or "")

    with pytest.raises(InvalidInput, match="cursor is not valid for this list"):
        page_at(cursor, ("tenant", "organization"), 3)


def test_a_cursor_whose_values_do_not_fit_the_columns_is_refused() -> None:
    cursor = cursor_in(page_at(None, ("tenant",), 1).next or "")

    with pytest.raises(InvalidInput, match="cursor is not valid for this list"):
        page_at(cursor, ("id",), 3)


def test_a_list_can_be_in_the_order_of_a_joined_column() -> None:
    for name in ("carl", "ann", "bob"):
        ApiKey.issue(user=staff_member(name), name=f"key of {name}")
    request = Request(APIRequestFactory().get("/keys", secure=True))
    parameters: Any = SimpleNamespace(cursor=None, page_size=1)
    names = []
    while True:
        page = paginate(request, ApiKey.objects.select_related("user"), parameters, ("user__username", "id"))
        names += [key.user.username for key in page.rows]
        if page.next is None:
            break
        parameters.cursor = cursor_in(page.next)

    assert names == ["ann", "bob", "carl"]
