"""The job form's fields for settings that few jobs use.

The settings are limits, priority, start deadline, pause after failures, feature flag and chains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget

from access.visibility import visible
from executions.policies import ConcurrencyLimit, RateLimit
from schedules.admin.form.fields import choice, number, text
from schedules.admin.form.policy_words import LIMIT_ACTIONS, PRIORITIES
from schedules.jobs import chains
from schedules.models import FeatureFlag, Job, On
from schedules.policies import JobPolicies
from values.ids import read_id
from values.readable import value_or_none

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from access.visibility import Caller


class OtherJobs(forms.MultipleChoiceField):
    """A field to choose other jobs: the page searches jobs by name, and validation of the definition checks the ids."""

    def __init__(self, label: str, help_text: str) -> None:
        url = reverse_lazy("admin:schedules_job_names")
        attrs = {"data-ajax--url": url, "data-placeholder": "Type a name", "data-width": "100%"}
        widget = UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget()
        widget.attrs |= attrs
        super().__init__(label=label, help_text=help_text, required=False, widget=widget)

    def valid_value(self, value: Any) -> bool:
        return True


def flag_choices(caller: Caller, current: str | None) -> list[tuple[str, str]]:
    """Return the choices of the field “Feature flag”: no flag, each flag that the caller may see, and `current`.

    `current`: the flag of the job, or None. A job keeps its flag, even if the caller may not see the flag.
    """
    names = list(visible(FeatureFlag, caller).values_list("name", flat=True))
    if current and current not in names:
        names.append(current)
    return [("", "No flag"), *((name, name) for name in names)]


AFTER = {
    On.SUCCESS: OtherJobs("Start after a successful run of", "Starts when a run of one of these jobs succeeds."),
    On.FAILURE: OtherJobs(
        "Start after a failed run of",
        "Starts when a run of one of these jobs fails. A failed attempt does not count if the run will be retried.",
    ),
    On.COMPLETION: OtherJobs(
        "Start after any run of", "Starts when a run of one of these jobs succeeds, fails or is cancelled."
    ),
}
AFTER_FIELDS = {on: f"after_{on}" for on in On}
PLAIN_LIMITS = ("priority", "start_deadline", "pause_after_failures", "feature_flag")
_LIMITS = {"concurrency": ConcurrencyLimit(limit=1), "rate_limit": RateLimit(limit=1)}
GROUPS = {group: tuple(f"{group}_{name}" for name in type(limit).model_fields) for group, limit in _LIMITS.items()}
LIMIT_POLICIES = (*PLAIN_LIMITS, *GROUPS)
LIMIT_FIELDS = (*PLAIN_LIMITS, *(name for fields in GROUPS.values() for name in fields))

# The values of a limit's fields if the job has no such limit.
UNSET = {
    f"{group}_{name}": value
    for group, limit in _LIMITS.items()
    for name, value in limit.model_dump(mode="json", exclude={"limit"}, exclude_none=True).items()
}

FORM_FIELDS: dict[str, forms.Field] = {
    **{AFTER_FIELDS[on]: field for on, field in AFTER.items()},
    "pause_after_failures": number(
        "Pause after failures in a row", "The job is paused after this many failed runs in a row. Empty: never."
    ),
    "priority": choice(
        "Priority", list(PRIORITIES.items()), "Held and queued runs with a higher priority start first."
    ),
    "start_deadline": text(
        "Start deadline",
        "10m",
        "Maximum time from the planned start of a run to its actual start. A run that would start later is skipped. "
        "Runs of a backfill, and runs for occurrences during a pause, have no deadline. Empty: no deadline.",
    ),
    "feature_flag": choice("Feature flag", (), "While the flag is off, the job starts only by hand or by backfill."),
    "concurrency_limit": number("Concurrency limit", "Maximum number of active runs. Empty: no limit."),
    "concurrency_key": text(
        "Concurrency key",
        "printer",
        "The limit counts the active runs of all jobs with this key. Empty: only the runs of this job.",
    ),
    "concurrency_beyond": choice("Runs beyond the concurrency limit", list(LIMIT_ACTIONS.items())),
    "rate_limit_limit": number("Rate limit", "Maximum number of starts per period, on average. Empty: no limit."),
    "rate_limit_per": text("Period", "1m"),
    "rate_limit_burst": number(
        "Burst",
        "Maximum number of runs that start together after a time without starts. 1: starts are always evenly spaced.",
    ),
    "rate_limit_key": text(
        "Rate limit key",
        "mail",
        "The limit counts the starts of all jobs with this key. Empty: only the starts of this job.",
    ),
    "rate_limit_beyond": choice("Runs beyond the rate limit", list(LIMIT_ACTIONS.items())),
}
LIMIT_PLACES = {
    **{f"policies.{name}": name for name in PLAIN_LIMITS},
    **{f"policies.{group}": fields[0] for group, fields in GROUPS.items()},
    **{
        f"policies.{group}.{name.removeprefix(f'{group}_')}": name
        for group, fields in GROUPS.items()
        for name in fields
    },
    "start_after": AFTER_FIELDS[On.SUCCESS],
    **{f"start_after.{on}": field for on, field in AFTER_FIELDS.items()},
}


def limits_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policies in `LIMIT_POLICIES` that the form's values describe."""
    found = {name: values[name] for name in PLAIN_LIMITS if values.get(name) not in (None, "")}
    for group, fields in GROUPS.items():
        given = {name.removeprefix(f"{group}_"): values.get(name) for name in fields}
        # Keep a limit without a number: the validation of the definition reports it as an error.
        if any(values.get(name) not in (None, "", UNSET.get(name)) for name in fields):
            found[group] = {name: value for name, value in given.items() if value not in (None, "")}
    return found


def policies_of(job: Job | None) -> JobPolicies:
    """Return the policies of a job; the defaults for a new job, and for a job whose policies are unreadable."""
    return (value_or_none(job.readable_policies) if job else None) or JobPolicies()


def initial_limits(job: Job | None, caller: Caller) -> dict[str, Any]:
    """Return the initial values of `FORM_FIELDS`: the job's values, or the defaults. One query if there is a job."""
    stored = policies_of(job).model_dump(mode="json")
    after = chains.of(job.pk, caller) if job else ()
    values: dict[str, Any] = UNSET | {name: stored[name] for name in PLAIN_LIMITS}
    for group, fields in GROUPS.items():
        values |= {name: stored[group][name.removeprefix(f"{group}_")] for name in fields if stored[group]}
    return values | {AFTER_FIELDS[on]: [str(link.job) for link in after if link.on is on] for on in On}


def start_after_from(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the member `start_after` that the form's values describe."""
    return [{"job": job_id, "on": on.value} for on, field in AFTER_FIELDS.items() for job_id in values.get(field) or ()]


def place_of_link(dotted: str, links: Sequence[Mapping[str, Any]]) -> str:
    """Return `dotted`, the name of a field. If the field belongs to a link, return `start_after.<on>` of this link.

    For example, `start_after.1.job` becomes `start_after.failure`.
    """
    head, _, rest = dotted.partition(".")
    place = rest.partition(".")[0]
    if head == "start_after" and place.isdecimal() and int(place) < len(links):
        return f"start_after.{links[int(place)]['on']}"
    return dotted


def name_jobs(fields: Mapping[str, Any], chosen: Mapping[str, Sequence[str]], caller: Caller) -> None:
    """Set each field's choices to the jobs that `chosen` lists for the field, with their names. At most one query.

    A job that the caller cannot see is shown with its id instead of its name.
    """
    all_ids: set[UUID | str] = {job_id for ids in chosen.values() for job_id in ids}
    if not all_ids:
        return
    named = visible(Job, caller).filter(pk__in=_valid_ids(all_ids)).values_list("pk", "name")
    names = {str(pk): name for pk, name in named}
    for field, ids in chosen.items():
        fields[field].choices = [
            (job_id, names.get(job_id, f"A job that is not visible to you ({job_id})")) for job_id in ids
        ]


def _valid_ids(ids: set[UUID | str]) -> list[UUID]:
    found = (read_id(str(job_id)) for job_id in ids)
    return [job_id for job_id in found if job_id]
