"""Users and groups: Django's pages in the theme. Only a superuser can grant permissions that they do not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from access.admin.theming import ModelAdmin

if TYPE_CHECKING:
    from django.db.models import ManyToManyField, QuerySet
    from django.forms import ModelMultipleChoiceField
    from django.http import HttpRequest

admin.site.unregister(User)
admin.site.unregister(Group)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _permissions_of(user: User) -> QuerySet[Permission]:
    """Return the permissions of a user and of their groups, also for an inactive user."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user))


def _permissions_lacked_by(request: HttpRequest) -> QuerySet[Permission]:
    """Return the permissions that the signed-in user does not have."""
    return Permission.objects.exclude(pk__in=_permissions_of(User(pk=request.user.pk or 0)).values("pk"))


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin[User]):  # type: ignore[type-arg]  # not generic when it runs
    """Users who can sign in. Only staff can use the admin and the API."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_edit(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_superuser(request) else (*fields, "is_superuser")

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        if not _is_superuser(request):
            lacked = _permissions_lacked_by(request)
            kwargs["queryset"] = (
                Group.objects.exclude(permissions__in=lacked)
                if db_field.name == "groups"
                else Permission.objects.exclude(pk__in=lacked.values("pk"))
            )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _may_edit(self, request: HttpRequest, obj: User | None) -> bool:
        """Return False for a user with more permissions: whoever sets a user's password can sign in as that user."""
        if obj is None or _is_superuser(request):
            return True
        lacked = _permissions_lacked_by(request)
        return not obj.is_superuser and not lacked.filter(pk__in=_permissions_of(obj).values("pk")).exists()


@admin.register(Group)
class TeamAdmin(GroupAdmin, ModelAdmin[Group]):
    """Permissions of several users."""

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_edit(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_edit(request, obj)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> ModelMultipleChoiceField[Any] | None:
        if request is not None and not _is_superuser(request):
            kwargs["queryset"] = Permission.objects.exclude(pk__in=_permissions_lacked_by(request).values("pk"))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _may_edit(self, request: HttpRequest, obj: Group | None) -> bool:
        if obj is None or _is_superuser(request):
            return True
        return not _permissions_lacked_by(request).filter(group=obj).exists()
