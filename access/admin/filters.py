"""Filters of the admin's lists. They offer only objects that the caller may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import RelatedFieldListFilter

from access.visibility import caller_of, hidden

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.db.models.fields.related import RelatedField
    from django.http import HttpRequest


class VisibleRelatedFilter(RelatedFieldListFilter):
    """Filters rows by a related object. Offers only the objects that the caller may see."""

    def field_choices(self, field: RelatedField[Any, Any], request: HttpRequest, model_admin: ModelAdmin[Any]) -> Any:
        choices = super().field_choices(field, request, model_admin)
        unseen = hidden(field.remote_field.model, caller_of(request), [key for key, _ in choices])
        return [choice for choice in choices if choice[0] not in unseen]
