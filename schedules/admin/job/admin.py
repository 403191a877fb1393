"""The admin's job list. Whatever changes a job goes through definitions and triggers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from access.admin.lists import MAX_SELECTED, PER_PAGE
from executions.admin import run_badge, run_url, target_words
from executions.runs import Run
from schedules.admin.job import buttons, page
from schedules.admin.job.editing import JobEditing
from schedules.admin.job.filters import ScheduleFilter, StateFilter, TargetFilter
from schedules.admin.job.rows import JobChangeList
from schedules.clock.describe import describe
from schedules.models import Job, JobState, jobs_named
from values import instants
from values.ids import read_id
from values.readable import value_or_none

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponseBase
    from django.utils.safestring import SafeString

MOST_DESCRIBED = 2  # of several schedules, in the list; with more of them, the words are a hint


@admin.register(Job)
class JobAdmin(JobEditing):
    """What runs, and when."""

    list_display = ("name_shown", "state_shown", "schedule_shown", "next_shown", "last_shown", "buttons_shown")
    list_display_links = None
    list_filter = (StateFilter, TargetFilter, ScheduleFilter)
    list_filter_submit = True
    list_fullwidth = True
    list_disable_select_all = True
    list_per_page = PER_PAGE
    list_select_related = ("spec",)
    list_before_template = "mainspring/chips.html"
    chips = (("All", "state", ""), *((str(state.label), "state", state.value) for state in JobState))
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    search_fields = ("spec__job_name",)
    search_help_text = "Part of the name (of one or two letters: its start), or the job's id"
    actions = ("run_selected", "pause_selected", "resume_selected")
    empty_title = "No jobs yet"
    empty_text = (
        "A job says what to run (an HTTP request or a command) and when. Create one here, or send it to the REST API."
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return JobChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        term = search_term.strip()
        if not term or "\0" in term:
            return (queryset.none() if term else queryset), False
        if wanted := read_id(term):
            return queryset.filter(pk=wanted), False
        return queryset.filter(jobs_named(term)), False

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        # The same order, as the indexes of the definitions have it.
        by_definition = request.GET.get(SEARCH_VAR) or request.GET.get(TargetFilter.parameter_name)
        return ("-spec__job_id",) if by_definition else ("-id",)

    @admin.display(description="Job", ordering="spec__job_name")
    def name_shown(self, job: Job) -> SafeString:
        verb, what = target_words(job.spec.target_kind, job.target)
        text = '<span class="ms-job"><a class="ms-name" href="{}" dir="auto">{}</a><span class="ms-under" title="{}">{} {}</span></span>'
        return format_html(text, reverse("admin:schedules_job_page", args=[job.pk]), job.name, what, verb, what)

    @admin.display(description="State")
    def state_shown(self, job: Job) -> SafeString:
        return page.state_badge(job)

    @admin.display(description="Schedule")
    def schedule_shown(self, job: Job) -> SafeString:
        badge = page.unreadable_badge(job)
        spec = value_or_none(job.readable_schedule)
        if spec is None:
            return badge
        words = describe(spec)
        short = f"{len(spec.specs)} schedules" if len(spec.specs) > MOST_DESCRIBED else words
        text = '<span class="ms-two" title="{}"><span>{}</span><code>{}</code></span>{}'
        return format_html(text, words, short, spec.cron or "", badge)

    @admin.display(description="Next run", ordering="next_run_at")
    def next_shown(self, job: Job) -> SafeString:
        if job.waits_for_run:
            return page.WAITS
        when = instants.time_html(job.next_fire_at, job.now)  # type: ignore[attr-defined]  # set by the change list
        if starts := page.starts_words(job, job.now):  # type: ignore[attr-defined]
            return format_html('{}<span class="ms-under">{}</span>', when, starts)
        return when

    @admin.display(description="Last run")
    def last_shown(self, job: Job) -> SafeString:
        run: Run | None = job.last_run  # type: ignore[attr-defined]  # set by the change list
        if run is None:
            return instants.NONE
        when = instants.relative_html(run.nominal_at, job.now)  # type: ignore[attr-defined]
        return format_html('<a class="ms-last" href="{}">{} {}</a>', run_url(run.pk), run_badge(run), when)

    @admin.display(description="")
    def buttons_shown(self, job: Job) -> SafeString:
        return render_to_string(
            "schedules/admin/row_buttons.html", {"job": job, "is_paused": job.state == JobState.PAUSED}
        )

    @admin.action(description="Run the selected jobs now", permissions=["change"])
    def run_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        buttons.run_now(request, list(queryset[:MAX_SELECTED]), datetime.now(UTC))

    @admin.action(description="Pause the selected jobs", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.do_pause(request, jobs)
            return None
        return self.ask(request, "schedules/admin/pause.html", jobs, "pause_selected")

    @admin.action(description="Resume the selected jobs", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponseBase | None:
        jobs = list(queryset[:MAX_SELECTED])
        if request.POST.get("confirmed"):
            self.do_resume(request, jobs)
            return None
        return self.ask(request, "schedules/admin/resume.html", jobs, "resume_selected")
