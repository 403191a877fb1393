"""Admin pages of users and groups. Users can grant only permissions that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from access.admin.filters import VisibleRelatedFilter
from access.admin.theming import ModelAdmin
from access.visibility import Action, caller_of, limit

if TYPE_CHECKING:
    from django.db.models import ManyToManyField, QuerySet
    from django.forms import ModelMultipleChoiceField
    from django.http import HttpRequest

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]  # not generic when it runs
    """Users. Only active staff can use the admin and the API."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_filter = ("is_staff", "is_superuser", "is_active", ("groups", VisibleRelatedFilter))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if caller_of(request).is_superuser else (*fields, "is_superuser")

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        kwargs["queryset"] = _grantable(self, db_field, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(Group)
class TeamAdmin(GroupAdmin, ModelAdmin[Group]):
    """Groups of users. A user has the permissions of each group that the user belongs to."""

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        if request is not None:
            kwargs["queryset"] = _grantable(self, db_field, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


def _grantable(page: ModelAdmin[Any], field: ManyToManyField[Any, Any], request: HttpRequest) -> QuerySet[Any] | None:
    """Return the groups or permissions that the caller may give to others."""
    offered = page.get_field_queryset(None, field, request)
    return None if offered is None else limit(offered, caller_of(request), Action.GRANT)
