"""The job form's fields for policies that few jobs need: priority, limits, deadline, pause, flag; and other jobs to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse_lazy
from unfold.widgets import UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget

from access.visibility import visible
from schedules.admin.form.fields import choice, number, text
from schedules.admin.form.policy_words import BEYOND, PRIORITIES
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
    """Ids of jobs, looked for by name as one types. What they may be is for the definition to judge."""

    def __init__(self, label: str, help_text: str) -> None:
        url = reverse_lazy("admin:schedules_job_names")
        attrs = {"data-ajax--url": url, "data-placeholder": "Type a name", "data-width": "100%"}
        widget = UnfoldAdminMultipleAutocompleteModelChoiceFieldWidget()
        widget.attrs |= attrs
        super().__init__(label=label, help_text=help_text, required=False, widget=widget)

    def valid_value(self, value: Any) -> bool:
        return True


def flag_names(caller: Caller) -> list[tuple[str, str]]:
    """The feature flags that the caller may see, as choices."""
    names = visible(FeatureFlag, caller).values_list("name", flat=True)
    return [("", "None: it always starts"), *((name, name) for name in names)]


KEY_HELP = "Jobs with the same key share it. Empty: this job alone."
AFTER = {
    On.SUCCESS: OtherJobs("After the success of", "Each time a run of one of them has succeeded."),
    On.FAILURE: OtherJobs("After the failure of", "When a run has failed and no retry is left."),
    On.COMPLETION: OtherJobs("After any end of", "Succeeded, failed or cancelled."),
}
AFTER_FIELDS = {on: f"after_{on}" for on in On}
PLAIN = ("priority", "start_deadline", "pause_after_failures", "feature_flag")
CONCURRENCY = ("concurrency_limit", "concurrency_key", "concurrency_beyond")
RATE = ("rate_limit_limit", "rate_limit_per", "rate_limit_burst", "rate_limit_key", "rate_limit_beyond")
GROUPS = {"concurrency": CONCURRENCY, "rate_limit": RATE}
POLICIES = (*PLAIN, *GROUPS)
POLICY_FIELDS = (*PLAIN, *CONCURRENCY, *RATE)

# What the fields of a limit hold where there is none.
USUAL = {"concurrency_beyond": "wait", "rate_limit_per": "1m", "rate_limit_burst": 1, "rate_limit_beyond": "wait"}

FIELDS: dict[str, forms.Field] = {
    **{AFTER_FIELDS[on]: field for on, field in AFTER.items()},
    "pause_after_failures": number("Pause after so many failures in a row", "Empty: never."),
    "priority": choice("Priority", list(PRIORITIES.items()), "Of runs that wait, those with a higher one start first."),
    "start_deadline": text(
        "Start within", "10m", "Of its instant. A run that is too late never starts. Empty: no matter."
    ),
    "feature_flag": choice("Feature flag", (), "While the flag is off, nothing but “Run now” starts it."),
    "concurrency_limit": number("Runs at once", "Empty: any number."),
    "concurrency_key": text("Shared by key", "printer", KEY_HELP),
    "concurrency_beyond": choice("Further runs", list(BEYOND.items())),
    "rate_limit_limit": number("Starts", "Empty: any number."),
    "rate_limit_per": text("In each", "1m"),
    "rate_limit_burst": number("At once after a pause", "1: evenly spaced."),
    "rate_limit_key": text("Shared by key", "mail", KEY_HELP),
    "rate_limit_beyond": choice("Further runs", list(BEYOND.items())),
}
PLACES = {
    **{f"policies.{name}": name for name in PLAIN},
    **{f"policies.{group}": fields[0] for group, fields in GROUPS.items()},
    **{
        f"policies.{group}.{name.removeprefix(f'{group}_')}": name
        for group, fields in GROUPS.items()
        for name in fields
    },
    "start_after": AFTER_FIELDS[On.SUCCESS],
    **{f"start_after.{on}": field for on, field in AFTER_FIELDS.items()},
}


def policies_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of these policies that the form's values describe."""
    found = {name: values[name] for name in PLAIN if values.get(name) not in (None, "")}
    for group, fields in GROUPS.items():
        given = {name.removeprefix(f"{group}_"): values.get(name) for name in fields}
        if any(values.get(name) not in (None, "", USUAL.get(name)) for name in fields):
            found[group] = {name: value for name, value in given.items() if value not in (None, "")}
    return found


def policies_of(job: Job | None) -> JobPolicies:
    """The policies of a job; the defaults for a new one, and in the place of those that cannot be read."""
    return (value_or_none(job.readable_policies) if job else None) or JobPolicies()


def initial_of(job: Job | None) -> dict[str, Any]:
    """What these fields hold at first: the job's definition over the defaults. One query for a job."""
    stored = policies_of(job).model_dump(mode="json")
    after = chains.of(job.pk) if job else ()
    values: dict[str, Any] = USUAL | {name: stored[name] for name in PLAIN}
    for group, fields in GROUPS.items():
        values |= {name: stored[group][name.removeprefix(f"{group}_")] for name in fields if stored[group]}
    return values | {AFTER_FIELDS[on]: [str(link.job) for link in after if link.on is on] for on in On}


def start_after_from(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the job is to start after, as a definition has it."""
    return [{"job": job_id, "on": on.value} for on, field in AFTER_FIELDS.items() for job_id in values.get(field) or ()]


def place_of_link(dotted: str, links: Sequence[Mapping[str, Any]]) -> str:
    """`start_after.1.job` as `start_after.failure`: by which field its job was given."""
    head, _, rest = dotted.partition(".")
    place = rest.partition(".")[0]
    if head == "start_after" and place.isdecimal() and int(place) < len(links):
        return f"start_after.{links[int(place)]['on']}"
    return dotted


def name_jobs(fields: Mapping[str, Any], chosen: Mapping[str, Sequence[str]], caller: Caller) -> None:
    """Have the fields know the names of the jobs that are chosen in them; ids that are none stay as they are."""
    wanted: set[UUID | str] = {job_id for ids in chosen.values() for job_id in ids}
    if not wanted:
        return
    named = visible(Job, caller).filter(pk__in=_readable(wanted)).values_list("pk", "name")
    names = {str(pk): name for pk, name in named}
    for field, ids in chosen.items():
        fields[field].choices = [(job_id, names.get(job_id, job_id)) for job_id in ids]


def _readable(ids: set[UUID | str]) -> list[UUID]:
    found = (read_id(str(job_id)) for job_id in ids)
    return [job_id for job_id in found if job_id]
