"""All addresses of the REST API, for tests that walk over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, URLResolver, get_resolver

from access.api.views import ApiView

if TYPE_CHECKING:
    from collections.abc import Iterator


def api_views(resolver: URLResolver | None = None) -> Iterator[tuple[URLPattern, type[ApiView]]]:
    """Yield each address of the API with its view."""
    for each in (resolver or get_resolver()).url_patterns:
        if isinstance(each, URLResolver):
            yield from api_views(each)
        else:
            view: Any = getattr(each.callback, "cls", object)
            if issubclass(view, ApiView):
                yield each, view
