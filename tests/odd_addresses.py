"""Every address of the admin, and parameters that a careless or hostile visitor adds to it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.contrib import admin
from django.urls import URLPattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django.db.models import Model
    from django.urls import URLResolver

# As in a URL. The last two are a lone surrogate and a byte, neither of which is UTF-8.
ODD_VALUES = ("", "%00", "x", "-1", "9" * 30, "%5B", "%ED%A0%80", "%FF")
ODD_IDS = ("-1", "9" * 30, "x", "%00", "_00", "%ED%A0%80", "%FF", "a/b", "x" * 2000)
ODD_UUIDS = ("ffffffff-ffff-ffff-ffff-ffffffffffff",)
DJANGOS_OWN = (
    "q",
    "p",
    "o",
    "e",
    "all",
    "_to_field",
    "_popup",
    "_facets",
    "_changelist_filters",
    "_source_model",
    "next",
)
ODD_LOOKUP_VALUES = ("", "x", "9" * 30, "%ED%A0%80")
LOOKUPS = ("", "__in", "__isnull", "__gte", "__range", "__regex", "__year", "__id__exact", "__nothing")
ORDERS = ("-", ".", "1.", "-1.-1", "99", "-99", "1.-2.3.-4.5.6.7.8.9", "1" * 30, "²", "--1")


def addresses(objects: Mapping[type[Model], object]) -> Iterator[str]:
    """Yield each address, with the id of an object in `objects` where it names one, and with odd ids."""
    for model, model_admin in admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for pattern in model_admin.get_urls():
            yield from _filled(base, pattern, str(objects.get(model, "1")))
    registered = len(admin.site._registry)
    for own in admin.site.get_urls()[: -registered or None]:
        if isinstance(own, URLPattern):
            yield from _filled("/admin/", own, "auth")


def lists() -> Iterator[tuple[str, list[str]]]:
    """Yield the address of each list, with the names of all parameters that may filter it."""
    for model, model_admin in admin.site._registry.items():
        fields = [field.name for field in model._meta.get_fields()]
        filters = [getattr(each, "parameter_name", "") for each in model_admin.list_filter if not isinstance(each, str)]
        names = [f"{field}{lookup}" for field, lookup in product([*fields, "pk", "nothing"], LOOKUPS)]
        yield (
            f"/admin/{model._meta.app_label}/{model._meta.model_name}/",
            [*DJANGOS_OWN, *filter(None, filters), *names],
        )


def _filled(base: str, pattern: URLPattern | URLResolver, known: str) -> Iterator[str]:
    route = str(pattern.pattern)
    names = pattern.pattern.converters
    if not names:
        yield base + (route if not route.startswith("^") else route.strip("^$"))
        return
    for value in (known, quote(known[:-1]) + "_20", *ODD_IDS, *ODD_UUIDS):
        filled = route
        for name, converter in names.items():
            kind = type(converter).__name__.removesuffix("Converter").lower().replace("string", "str")
            filled = filled.replace(f"<{kind}:{name}>", value).replace(f"<{name}>", value)
        yield base + filled
