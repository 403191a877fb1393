"""Admin change lists for large tables. They never run count(*): one extra row shows whether there is a next page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.utils.http import url_has_allowed_host_and_scheme

from values import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import HttpRequest

PER_PAGE = 50  # rows
MAX_PAGE = 400  # a page reads the keys of all earlier pages too; a filter finds rows on later pages faster
MAX_SELECTED = 1000  # rows of one action, which runs within one request


class UncountedPaginator(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """A paginator without rows: it only provides the template for the page links. The change list reads the rows."""

    template_name = "mainspring/pagination.html"


class UncountedChangeList(ChangeList):
    """A change list that never counts its rows.

    `now`: the instant that the page's relative times refer to. `has_more`: whether there is a next page.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Read one page of rows, and set the attributes that the templates read."""
        self.now = clock.now()
        self.page_num = min(max(self.page_num, 1), MAX_PAGE)
        start = (self.page_num - 1) * self.list_per_page
        rows = list(self.rows(start, start + self.list_per_page + 1))
        self.has_more = len(rows) > self.list_per_page and self.page_num < MAX_PAGE
        self.is_cut_off = len(rows) > self.list_per_page and self.page_num == MAX_PAGE
        self.result_list = rows[: self.list_per_page]
        for row in self.result_list:
            row.now = self.now
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.can_show_all = False
        self.show_admin_actions = bool(self.result_list)
        self.multi_page = self.has_more or self.page_num > 1
        self.paginator = UncountedPaginator([], self.list_per_page)
        self.chips = [self._chip(*chip) for chip in getattr(self.model_admin, "chips", ())]

    def rows(self, start: int, stop: int) -> Iterable[Any]:
        """Return the rows `[start:stop]`. Override this if the table's indexes allow a faster query."""
        return cut(self.queryset, self.queryset[:stop], start)

    def _chip(self, label: str, parameter: str, value: str) -> dict[str, object]:
        """Return a link that filters by one value, or removes the filter if the value is empty."""
        url = self.get_query_string({parameter: value}) if value else self.get_query_string(remove=[parameter])
        return {"label": label, "url": url, "is_active": self.params.get(parameter, "") == value}


def cut(rows: QuerySet[Any], first: QuerySet[Any], start: int) -> QuerySet[Any]:
    """Return `rows`, filtered to the rows of `first` from the position `start` on.

    A separate query reads the primary keys of `first`, so no joined table is read for the rows before `start`.
    """
    return rows.filter(pk__in=list(first.values_list("pk", flat=True)[start:]))


def origin_of(request: HttpRequest, default: str) -> str:
    """Return the Referer of the request, or `default` if it is missing or belongs to another site."""
    referer: str = request.META.get("HTTP_REFERER", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        return referer
    return default


def counted(n: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 job`, `3 jobs`."""
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"
