"""Admin pages that create, show and revoke API keys. Only a superuser can create a key for another user."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from access.admin.badges import badge
from access.admin.filters import VisibleRelatedFilter
from access.admin.lists import counted
from access.admin.theming import ModelAdmin, ModelForm
from access.models import ApiKey
from access.visibility import Action, caller_of, limit, visible
from values import clock
from values.instants import exact_html, time_html

if TYPE_CHECKING:
    from django.db.models import ForeignKey, QuerySet
    from django.forms import ModelChoiceField
    from django.http import HttpRequest, HttpResponseBase
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


class ApiKeyForm(ModelForm[ApiKey]):
    """The form for a new key."""

    def clean_expires_at(self) -> datetime | None:
        at: datetime | None = self.cleaned_data["expires_at"]
        if at is not None and at <= clock.now():
            zone = timezone.get_current_timezone()
            raise forms.ValidationError(
                f"The expiry is in the past: enter a later time (time zone: {zone}), or leave the field empty."
            )
        return at


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin[ApiKey]):
    """API keys. A key has the permissions of its user."""

    form = ApiKeyForm
    list_display = ("name_shown", "state", "start", "user_shown", "last_used", "expires", "created")
    list_filter = (("user", VisibleRelatedFilter),)
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("name", "prefix")
    search_help_text = "Name, or the start of the key as the list shows it"
    ordering = ("-id",)
    actions = ("revoke_selected",)
    change_form_outer_before_template = "access/admin/revoke.html"
    empty_title = "No API keys yet"
    empty_text = "With a key, a service can use the REST API with the permissions of the key's user."
    empty_article = "an"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        # The list shows `ms_<prefix>_…`, and the row stores the prefix alone.
        shown = re.fullmatch(r"ms_([^_]+)(?:_.*)?", search_term.strip())
        return super().get_search_results(request, queryset, shown[1] if shown else search_term)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [name for name in self.list_display if name != "user_shown" or caller_of(request).is_superuser]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if caller_of(request).is_superuser else ()  # the filter lists the names of all users

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        if obj is not None:
            return ["name", "state", "start", "user", "created", "last_used", "expires", "revoked"]
        return ["name", "user", "expires_at"] if caller_of(request).is_superuser else ["name", "expires_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        """Return all fields if the key exists, because an existing key can only be revoked."""
        return self.get_fields(request, obj) if obj is not None else []

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "user":
            kwargs["queryset"] = visible(User, caller_of(request)).filter(is_active=True).order_by("username")
            kwargs["initial"] = request.user.pk
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        help_text = f"Time zone: {timezone.get_current_timezone()}. If empty, the key does not expire."
        return super().get_form(request, obj, change, help_texts={"expires_at": help_text}, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:key_id>/revoke/", revoke, name="access_apikey_revoke"), *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        # Only "Save": its response shows the new key once, and an existing key can't be changed.
        buttons = {
            "show_save": object_id is None,
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **buttons})

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm[ApiKey], change: bool) -> None:
        """Issue a new key: for the user in the form if a superuser sent the form, otherwise for the caller.

        Do nothing if the key already exists.
        """
        if change:
            return
        user = obj.user if caller_of(request).is_superuser else User.objects.get(pk=request.user.pk or 0)
        issued, key = ApiKey.issue(user=user, name=obj.name, expires_at=obj.expires_at)
        obj.pk, obj.prefix, obj.user = issued.pk, issued.prefix, user
        request.issued_key = key  # type: ignore[attr-defined]  # read by response_add only

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> Any:
        # Show the key in this response only. A message would store it in a cookie, a redirect in the session.
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "New API key",
            "api_key": obj,
            "expires": exact_html(obj.expires_at, clock.now()) if obj.expires_at else None,
            "secret": request.issued_key,  # type: ignore[attr-defined]  # set by save_model
        }
        response = TemplateResponse(request, "access/admin/issued.html", context)
        add_never_cache_headers(response)
        return response

    @method_decorator(require_POST)
    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponseBase:
        """Revoke one key. The button on the key's page sends this request."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        keys = limit(self.get_queryset(request), caller_of(request), Action.CHANGE)
        self.revoke_selected(request, keys.filter(pk=key_id))
        return HttpResponseRedirect(reverse("admin:access_apikey_changelist"))

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        keys = list(queryset.filter(revoked_at=None))
        queryset.filter(revoked_at=None).update(revoked_at=clock.now())
        for key in keys:
            self.log_change(request, key, "Revoked.")
        if keys:
            messages.success(request, f"{counted(len(keys), 'key')} revoked.")
        else:
            messages.warning(request, "No key was revoked: the selected keys are already revoked or no longer exist.")

    # Plain fields have methods here too: otherwise the theme shows their lower-case names as labels on a phone.

    @admin.display(description="Name", ordering="name")
    def name_shown(self, key: ApiKey) -> str:
        return key.name

    @admin.display(description="User", ordering="user__username")
    def user_shown(self, key: ApiKey) -> str:
        return key.user.get_username()

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        tone, text = "success", "Active"
        if key.revoked_at:
            tone, text = "default", "Revoked"
        elif key.expires_at and key.expires_at <= clock.now():
            tone, text = "warning", "Expired"
        elif not key.user.is_active:
            tone, text = "warning", "User inactive"
        return badge(text, tone)

    @admin.display(description="Starts with")
    def start(self, key: ApiKey) -> SafeString:
        return format_html("<code>ms_{}_…</code>", key.prefix)

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> SafeString:
        return time_html(key.last_used_at, clock.now())

    @admin.display(description="Expires", ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString:
        return time_html(key.expires_at, clock.now())

    @admin.display(description="Created", ordering="created_at")
    def created(self, key: ApiKey) -> SafeString:
        return time_html(key.created_at, clock.now())

    @admin.display(description="Revoked")
    def revoked(self, key: ApiKey) -> SafeString:
        return time_html(key.revoked_at, clock.now())
