"""The base classes of all admin pages: the theme's classes at run time, Django's for the type checker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import BinaryField, Model

from access.visibility import Action, caller_of, limit, may, visible

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ThemedAdmin
    from django.db.models import QuerySet
    from django.db.models.fields.related import RelatedField
    from django.db.models.options import Options
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse
else:
    from django import forms
    from unfold.admin import ModelAdmin as ThemeModelAdmin

    class ThemedAdmin(ThemeModelAdmin):
        """The theme's `ModelAdmin`, which can be written as `ThemedAdmin[Job]`, as in Django's type stubs."""

        def __class_getitem__(cls, model: object) -> type:
            return cls

    class ModelForm(forms.ModelForm):
        """Django's `ModelForm`, which can be written as `ModelForm[Job]`, as in Django's type stubs."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


ALLOWED_LOOKUPS = [[], *([name] for name in ("exact", "in", "isnull", "gt", "gte", "lt", "lte"))]
Row = TypeVar("Row", bound=Model)


class ModelAdmin(ThemedAdmin[Row]):
    """A ModelAdmin that lists, finds and offers only objects that the caller may see."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        return limit(super().get_queryset(request), caller_of(request))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Return whether a list may be filtered by a parameter of the URL. Refused parameters get a 400.

        Django allows every lookup of a field, and some of them fail in the database for odd values, such as `range`.
        """
        parts = lookup.split("__")
        opts: Any = self.opts
        if _field_of(opts, parts[0]) is None:  # the parameter of a filter, which checks its value itself
            return super().lookup_allowed(lookup, value, request)
        while parts and opts and (field := _field_of(opts, parts[0])):
            if isinstance(field, BinaryField):
                return False
            opts = field.related_model._meta if field.is_relation and field.related_model else None
            parts = parts[1:]
        return parts in ALLOWED_LOOKUPS and super().lookup_allowed(lookup, value, request)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Row], *args: Any) -> HttpResponse | None:
        """Run an action only on rows that the caller may change. For deletion, Django checks each row itself.

        Selected values that are not valid ids, such as a text in place of a UUID, are ignored.
        """
        sent = request.POST.copy()
        sent.setlist(ACTION_CHECKBOX_NAME, [key for key in sent.getlist(ACTION_CHECKBOX_NAME) if self._is_key(key)])
        request.POST = sent  # type: ignore[assignment]  # Django reads the selection from the request
        if "delete_selected" not in request.POST.getlist("action"):
            queryset = limit(queryset, caller_of(request), Action.CHANGE)
        return super().response_action(request, queryset, *args)

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return True

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any] | None:
        """Return the rows that a form offers for a field: only rows that the caller may see."""
        found = super().get_field_queryset(db, db_field, request)
        model = db_field.remote_field.model
        return visible(model, caller_of(request)) if found is None else limit(found, caller_of(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(caller_of(request), Action.ADD, self.model)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Return whether the caller may view `obj`; without `obj`, whether the caller may view the model's objects.

        As in Django's admin, a caller who may change an object may also view the object.
        """
        caller, what = caller_of(request), obj or self.model
        return may(caller, Action.VIEW, what) or may(caller, Action.CHANGE, what)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return may(caller_of(request), Action.CHANGE, obj or self.model)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return may(caller_of(request), Action.DELETE, obj or self.model)


def _field_of(opts: Options[Any], name: str) -> Any:
    if name == "pk":
        return opts.pk
    try:
        return opts.get_field(name)
    except FieldDoesNotExist:
        return None


__all__ = ["ModelAdmin", "ModelForm"]
