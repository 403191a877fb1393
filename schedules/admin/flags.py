"""The admin's list of feature flags, with a switch in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from access.admin.badges import badge
from access.admin.lists import MAX_SELECTED, PER_PAGE, UncountedChangeList, counted
from access.admin.theming import ModelAdmin
from access.visibility import caller_of, changeable
from schedules import flags
from schedules.models import FeatureFlag
from values import clock, instants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest
    from django.urls import URLPattern
    from django.utils.safestring import SafeString


class FlagChangeList(UncountedChangeList):
    """The list of flags, with the number of visible jobs that name each flag. The numbers cost one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        n_jobs = flags.count_jobs_naming([flag.name for flag in self.result_list], caller_of(request))
        for flag in self.result_list:
            flag.n_jobs = n_jobs.get(flag.name, 0)


@admin.register(FeatureFlag)
class FeatureFlagAdmin(ModelAdmin[FeatureFlag]):
    """The admin of feature flags."""

    list_display = ("name_shown", "state_shown", "jobs_shown", "changed_shown", "switch_shown")
    list_display_links = None
    list_per_page = PER_PAGE
    list_fullwidth = True
    show_full_result_count = False
    search_fields = ("name",)
    actions = ("switch_on", "switch_off")
    list_disable_select_all = True
    fields = ("name", "description", "is_on")
    empty_title = "No feature flags yet"
    empty_text = "While a flag is off, jobs that name the flag do not start on schedule or after other jobs."
    empty_article = "a"
    help_texts: ClassVar = {
        "name": "The name that jobs use: letters, digits, dots, dashes and underscores. The first character must be a "
        "letter or a digit. The name can't be changed later.",
        "description": "What the flag controls, and whom to ask about it.",
        "is_on": "A change takes effect the next time that the schedule or another job would start a job with this "
        "flag. Existing runs do not change.",
    }

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FlagChangeList

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self.list_display if self.has_change_permission(request) else self.list_display[:-1]

    def get_form(
        self, request: HttpRequest, obj: FeatureFlag | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        return super().get_form(request, obj, change=change, help_texts=self.help_texts, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: FeatureFlag | None = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: FeatureFlag | None = None) -> bool:
        is_used = obj is not None and flags.is_used(obj.name)
        return not is_used and bool(super().has_delete_permission(request, obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Remove "Delete selected": the page of a flag deletes it, and refuses while jobs name the flag.
        return {name: action for name, action in super().get_actions(request).items() if name in self.actions}

    def get_urls(self) -> list[URLPattern]:
        switch = self.admin_site.admin_view(self.switch_view)
        return [path("<int:pk>/switch/", switch, name="schedules_featureflag_switch"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: FeatureFlag, form: ModelForm[FeatureFlag], change: bool) -> None:
        now, actor, caller = clock.now(), request.user.get_username(), caller_of(request)
        saved, _ = flags.put(obj.name, now, is_on=obj.is_on, description=obj.description, actor=actor, caller=caller)
        obj.pk = saved.pk

    @method_decorator(require_POST)
    def switch_view(self, request: HttpRequest, pk: int) -> HttpResponseRedirect:
        """Switch a flag on or off: the query parameter `to` is `on` or `off`."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        to = request.GET.get("to")
        if to not in ("on", "off"):
            raise BadRequest("The query parameter `to` must be on or off.")
        flag = changeable(FeatureFlag, caller_of(request)).filter(pk=pk).first()
        if flag is None:
            messages.warning(request, "This flag was deleted, or you may not change it.")
        else:
            self._switch(request, [flag], is_on=to == "on")
        return HttpResponseRedirect(reverse("admin:schedules_featureflag_changelist"))

    @admin.action(description="Switch the selected flags on", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[FeatureFlag]) -> None:
        self._switch(request, queryset[:MAX_SELECTED], is_on=True)

    @admin.action(description="Switch the selected flags off", permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[FeatureFlag]) -> None:
        self._switch(request, queryset[:MAX_SELECTED], is_on=False)

    def _switch(self, request: HttpRequest, chosen: Iterable[FeatureFlag], *, is_on: bool) -> None:
        now, word, names = clock.now(), "on" if is_on else "off", []
        actor, caller = request.user.get_username(), caller_of(request)
        for flag in chosen:
            flags.put(flag.name, now, is_on=is_on, actor=actor, caller=caller)
            self.log_change(request, flag, f"Switched {word}.")
            names.append(flag.name)
        if len(names) == 1:
            messages.success(
                request,
                f"“{names[0]}” is {word}. This applies to jobs with this flag, from the next start by their schedule "
                "or after another job.",
            )
        else:
            messages.success(request, f"{counted(len(names), 'flag')} switched {word}.")

    @admin.display(description="Flag", ordering="name")
    def name_shown(self, flag: FeatureFlag) -> SafeString:
        text = (
            '<span class="ms-job"><a class="ms-name" href="{}">{}</a><span class="ms-under" title="{}">{}</span></span>'
        )
        url = reverse("admin:schedules_featureflag_change", args=[flag.pk])
        return format_html(text, url, flag.name, flag.description, flag.description)

    @admin.display(description="State")
    def state_shown(self, flag: FeatureFlag) -> SafeString:
        return badge("On", "success") if flag.is_on else badge("Off", "default")

    @admin.display(description="Used by")
    def jobs_shown(self, flag: FeatureFlag) -> str:
        return counted(flag.n_jobs, "job")  # type: ignore[attr-defined]  # set by the change list

    @admin.display(description="Changed")
    def changed_shown(self, flag: FeatureFlag) -> SafeString:
        when = instants.relative_html(flag.changed_at, flag.now)  # type: ignore[attr-defined]  # set by the change list
        return format_html("{}{}", when, f" by {flag.changed_by}" if flag.changed_by else "")

    @admin.display(description="")
    def switch_shown(self, flag: FeatureFlag) -> SafeString:
        return render_to_string("schedules/admin/flag_switch.html", {"flag": flag})
