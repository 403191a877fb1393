"""Admin pages in addition to Django's own: the base class for their URLs and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db.models import Model
from django.urls import path

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern

    from access.admin.theming import ModelAdmin

Row = TypeVar("Row", bound=Model)

# Seconds between two refreshes of a page's live part: while a run or backfill is live, and while it is not.
LIVE_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 2, 10


class Pages(Generic[Row]):
    """Additional views for the objects of one ModelAdmin."""

    def __init__(self, admin: ModelAdmin[Row]) -> None:
        self.admin = admin

    def urls(self) -> list[URLPattern]:
        """Return URL patterns, relative to the URL of the list. The ModelAdmin puts them before Django's patterns."""
        raise NotImplementedError

    def path(self, route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
        """Return the URL pattern of a view for signed-in staff."""
        return path(route, self.admin.admin_site.admin_view(view), name=name)

    def context(self, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
        """Return the context for the template of a page: the values that every admin page needs, and `more`."""
        return {**self.admin.admin_site.each_context(request), "opts": self.admin.opts, "title": title, **more}
