"""The filters of the run list, and the order of the list for the chosen filters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from unfold.contrib.filters.admin import DropdownFilter, MultipleDropdownFilter, RangeDateTimeFilter
from unfold.contrib.filters.forms import DropdownForm

from access.visibility import caller_of, visible
from executions.models import RunSpec, newest_first, nominal_within
from executions.states import ORIGIN_LABELS, REASON_LABELS, STATUS_LABELS, Origin, Reason, RunStatus
from values.ids import read_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from executions.models import Run

MAX_QUOTED = 40  # characters of an invalid value that a message quotes: enough to recognize the value


class HintedForm(DropdownForm):  # type: ignore[misc]  # the theme has no types
    """A drop-down list for several values. Its placeholder says that several values may be chosen."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.fields[given["name"]].widget.attrs["data-placeholder"] = "Choose one or more"


class StatusFilter(MultipleDropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "status"
    form_class = HintedForm
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Run]) -> list[tuple[str, str]]:
        return [(status.value, label) for status, (label, _) in STATUS_LABELS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        chosen = self.chosen()
        return queryset.filter(status__in=chosen) if chosen else queryset

    def chosen(self) -> list[str]:
        given = self.value() or []
        return [status for status in ([given] if isinstance(given, str) else given) if status]


class OriginFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Run]) -> list[tuple[str, str]]:
        return [(origin.value, ORIGIN_LABELS[origin]) for origin in Origin]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(origin=self.value()) if self.value() else queryset


class ReasonFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    title = "skip reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Run]) -> list[tuple[str, str]]:
        return [(reason.value, REASON_LABELS[reason]) for reason in Reason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if not self.value():
            return queryset
        found = queryset.filter(reason=self.value())
        # Only skipped runs have a reason. The index of one job's runs needs a condition on the status.
        return found.filter(status=RunStatus.SKIPPED) if request.GET.get(JobFilter.parameter_name) else found


class NominalFilter(RangeDateTimeFilter):  # type: ignore[misc]  # the theme has no types
    """Keeps only runs whose nominal instant is between two times, given in the viewer's time zone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = f"scheduled for ({timezone.get_current_timezone()})"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        try:
            start, end = self._bound("from", "00:00"), self._bound("to", "23:59:59")
            end = end and end + timedelta(seconds=1)
        except OverflowError:
            why = "The filter “Scheduled for” has a date that is out of range: use a year from 2 to 9998."
            return nothing(request, queryset, why)
        except ValueError as error:
            return nothing(request, queryset, str(error))
        return queryset.filter(nominal_within(start, end, ordering_of(request)))

    def _bound(self, side: str, without_time: str) -> datetime | None:
        day_text = self._given(f"{side}_0")
        if not day_text:
            return None
        time_text = self._given(f"{side}_1") or without_time
        day = _read(parse_date, day_text, f"date “{side.capitalize()}”", "2026-11-20")
        time = _read(parse_time, time_text, f"time “{side.capitalize()}”", "14:30 or 14:30:15")
        return datetime.combine(day, time, tzinfo=timezone.get_current_timezone()).astimezone(UTC)

    def _given(self, name: str) -> str:
        value: Any = self.used_parameters.get(f"{self.parameter_name}_{name}") or ""
        return str(value[0] if isinstance(value, list) else value).strip()


class JobFilter(DropdownFilter):  # type: ignore[misc]  # the theme has no types
    """Filters by the job id in the URL. The filter lists no other jobs, because there may be a million."""

    title = "job"
    parameter_name = "job"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Run]) -> list[tuple[str, str]]:
        if not self.value():
            return []
        if not (job_id := read_id(self.value())):
            return [(self.value(), "Invalid job id")]
        spec = visible(RunSpec, caller_of(request)).filter(job_id=job_id).order_by("-version").first()
        return [(self.value(), spec.job_name if spec else f"Job {self.value()}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if not self.value():
            return queryset
        if not (job_id := read_id(self.value())):
            why = f"The job filter has an invalid job id: “{self.value()[:MAX_QUOTED]}”. A job id is a UUID."
            return nothing(request, queryset, why)
        return queryset.filter(job_id=job_id)


def ordering_of(request: HttpRequest) -> tuple[str, ...]:
    """Return the order of the run list for the request's filters. Each order has its own indexes."""
    narrowed = any(request.GET.get(one.parameter_name) for one in (JobFilter, StatusFilter, ReasonFilter))
    return newest_first(origin=request.GET.get(OriginFilter.parameter_name), narrowed=narrowed)


def nothing(request: HttpRequest, queryset: QuerySet[Run], why: str) -> QuerySet[Run]:
    """Show why a filter is invalid, and return no rows. Unfiltered rows would look like the filter's result."""
    messages.error(request, f"{why} No run is shown until you correct the filter.")
    return queryset.none()


def _read(read: Callable[[str], Any], text: str, what: str, example: str) -> Any:
    try:
        found = read(text)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(
            f"The filter “Scheduled for” has an invalid {what}: “{text[:MAX_QUOTED]}”. Write it like {example}."
        )
    return found
