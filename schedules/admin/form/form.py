"""The job form: its fields, labels and help texts. `schedules.jobs.validation` validates the values."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from access.admin.theming import ModelForm
from executions.policies import Backoff, Delivery
from executions.targets import TARGETS
from schedules.admin.form import changes, limits, mapping
from schedules.admin.form.errors import LABELS, in_form_words, place_of
from schedules.admin.form.fields import add_class, choice, long_text, needed, number, switch, text
from schedules.admin.form.json_fields import LongText, plain_lines, read_json
from schedules.admin.form.policy_words import OVERLAP_LABELS
from schedules.admin.targets import SECTIONS
from schedules.clock.policies.catch_up import CatchUp
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import Kind
from schedules.clock.zones.local_times import Fold, Gap
from schedules.exceptions import InvalidDefinition
from schedules.jobs import chains
from schedules.jobs.members import stored_members
from schedules.jobs.validation import validate
from schedules.models import Job
from values import clock, instants

if TYPE_CHECKING:
    from django.forms.boundfield import BoundField

    from access.visibility import Caller
    from schedules.admin.targets.base import Section
    from schedules.jobs.validation import Definition

KINDS = (
    (Kind.CRON.value, "Cron expression"),
    (Kind.EVERY.value, "Fixed interval"),
    (Kind.ONCE.value, "Once"),
    (Kind.SOLAR.value, "Solar event"),
    (Kind.DELAY.value, "Delay after each run"),
    (Kind.SEVERAL.value, "Several schedules"),
    (Kind.NONE.value, "No schedule"),
)
TARGET_KINDS = tuple((kind, part.label) for kind, part in SECTIONS.items())
INSTANT_EXAMPLE = "2027-03-01 09:00"
SPECS_EXAMPLE = "0 9 * * mon-fri\nevery 6h from 2027-03-01 00:00\n2027-03-01 09:00\nsunset 52.5 13.4"
SPECS_HELP = (
    "One schedule per line: a cron expression, an interval (every 6h), a date and time, or a solar event with "
    "latitude and longitude. A schedule with its own time zone, start or end is written as JSON."
)
INSTANT_HELP = "In the job's time zone, or with an offset such as +02:00."


# A base class with the fields of all target sections. If two sections have a field of the same name, the first stays:
# schedules/checks.py reports the other.
_TARGET_FIELDS: dict[str, forms.Field] = {}
for _part in SECTIONS.values():
    _TARGET_FIELDS |= {name: field for name, field in _part.fields.items() if name not in _TARGET_FIELDS}
TargetFields: Any = type("TargetFields", (forms.Form,), _TARGET_FIELDS)
LimitFields: Any = type("LimitFields", (forms.Form,), dict(limits.FORM_FIELDS))  # a copy: Django removes the fields


class JobForm(ModelForm[Job], TargetFields, LimitFields):  # type: ignore[misc]  # bases that are built at run time
    """The form of a whole job definition. It ignores the fields of the schedule types and targets that are not chosen.

    For each request, the admin creates a subclass and sets its `caller`.
    """

    caller: ClassVar[Caller]

    opened = forms.CharField(required=False, widget=forms.HiddenInput)
    schedule_kind = forms.ChoiceField(label="Schedule type", choices=KINDS, widget=forms.RadioSelect)
    cron = needed(
        text(
            "Cron expression",
            "0 9 * * mon-fri",
            "Five fields, six with seconds first, or seven with the year last. L, L-3, 15W, LW, FRI#2, FRI#L, 22-2 and "
            "@daily work too, and H: a number that is computed for each job, so that jobs do not all start together.",
            mono=True,
        )
    )
    every = needed(text("Every", "15m", "A duration such as 30s, 15m, 2h, 1d, 1h30m or PT15M.", mono=True))
    anchor_at = text(
        LABELS["anchor_at"],
        INSTANT_EXAMPLE,
        "Empty: the interval counts from “Not before”. If “Not before” is also empty, the interval counts from the "
        "time when you save. If you clear this field and the interval stays the same, the old value is kept.",
    )
    at = needed(text("Run at", INSTANT_EXAMPLE, INSTANT_HELP))
    wait = needed(
        text(
            "Delay",
            "15m",
            "Time from the end of a run to the start of the next run, such as 30s, 15m or 2h.",
            mono=True,
        )
    )
    solar = choice("Event", [(event.value, event.value.replace("_", " ").capitalize()) for event in SolarEvent])
    latitude = needed(text("Latitude", "52.5", "Degrees; south is negative."))
    longitude = needed(text("Longitude", "13.4", "Degrees; west is negative."))
    specs = needed(long_text("Schedules", SPECS_EXAMPLE, rows=4, help_text=SPECS_HELP))
    timezone = text("Time zone", "Europe/Paris", "An IANA time zone name. Type to search.")
    dst_gap = choice(
        LABELS["dst_gap"],
        [(Gap.SHIFT.value, "Run right after the skipped time"), (Gap.SKIP.value, "Do not run")],
        "When clocks go forward, some local times do not exist.",
    )
    dst_fold = choice(
        LABELS["dst_fold"],
        [(Fold.FIRST.value, "Run the first time only"), (Fold.BOTH.value, "Run both times")],
        "When clocks go back, some local times occur twice.",
    )
    hash_key = text(
        LABELS["hash_key"],
        "",
        "Text that the numbers of H are computed from; jobs with the same text and the same expression run at the same "
        "times. Only for an expression with H. Empty: the id of the job.",
        mono=True,
    )
    start_at = text(LABELS["start_at"], INSTANT_EXAMPLE, INSTANT_HELP)
    end_at = text(LABELS["end_at"], INSTANT_EXAMPLE, INSTANT_HELP)
    max_runs = number(LABELS["max_runs"], "The schedule ends after starting this many runs. Empty: no limit.")

    target_kind = forms.ChoiceField(label="Target type", choices=TARGET_KINDS, widget=forms.RadioSelect)
    payload = long_text("Payload", '{"message": "hello"}', rows=5)

    overlap = choice(
        "Overlap policy",
        [(name.value, text) for name, text in OVERLAP_LABELS.items()],
        "What happens to a new run if an earlier run of the job has not ended. Runs by hand and backfills ignore this "
        "policy.",
    )
    catch_up_mode = choice(
        "Catch-up after an outage",
        [
            (CatchUp.LAST.value, "Run the last missed occurrence"),
            (CatchUp.FIRST.value, "Run the first missed occurrence"),
            (CatchUp.ALL.value, "Run all missed occurrences"),
            (CatchUp.SKIP.value, "Run no missed occurrence"),
        ],
        "The overlap policy applies too: with “Skip the new run”, even “Run all missed occurrences” runs only the "
        "first missed occurrence.",
    )
    catch_up_max_age = text("Maximum age of a missed occurrence", "1h", "The catch-up does not run older occurrences.")
    catch_up_max_runs = number(
        "Maximum number of missed occurrences",
        "Only for “Run all missed occurrences”. If more were missed, the catch-up runs only the latest occurrences.",
    )
    catch_up_pace = text("Catch-up pace", "1s", "Minimum time between the starts of two missed occurrences.")
    start_jitter = text(
        "Jitter",
        "0s",
        "Maximum random delay of each scheduled start. The delay ends before the next occurrence is due.",
    )
    max_retries = number("Retries after a failure", "0: no retries.")
    backoff = choice("Backoff", [(name.value, name.capitalize()) for name in reversed(Backoff)])
    delay = text("Delay before the first retry", "5s")
    max_delay = text("Maximum delay between attempts", "1h")
    jitter = switch("Randomize the delays", "Runs that failed together are retried at different times.")
    timeout = text("Timeout of one attempt", "", "")
    delivery = choice(
        "If the worker is lost",
        [
            (Delivery.AT_LEAST_ONCE.value, "Run again (delivery: at least once)"),
            (Delivery.AT_MOST_ONCE.value, "Let the run fail (delivery: at most once)"),
        ],
    )

    # The order of the fields on the page. The note above the form lists the fields with errors in this order.
    field_order = (
        "name",
        "description",
        "schedule_kind",
        "cron",
        "every",
        "at",
        "wait",
        "solar",
        "latitude",
        "longitude",
        "specs",
        "timezone",
        "anchor_at",
        "dst_gap",
        "dst_fold",
        "hash_key",
        "start_at",
        "end_at",
        "max_runs",
        *limits.AFTER_FIELDS.values(),
        "target_kind",
        *TargetFields.base_fields,
        "payload",
        *mapping.RETRY_FIELDS,
        "timeout",
        *mapping.CATCH_UP_FIELDS,
    )

    class Meta:
        model = Job
        fields = ("name", "description")
        field_classes: ClassVar = {"description": LongText}
        widgets: ClassVar = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
        help_texts: ClassVar = {"description": "What the job does, and whom to ask about it."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not hasattr(self, "caller"):
            raise TypeError("JobForm has no caller: make a subclass that sets `caller`.")
        job = kwargs.get("instance")
        self.before = job if job is not None and job.created_at else None
        kwargs["initial"] = mapping.initial_of(self.before, self.caller) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.definition: Definition | None = None
        self.meanwhile: list[changes.Change] = []
        self.lacks_opened = False
        if self.before:
            self._compare_with_job()
        self.now = clock.now()
        flags: Any = self.fields["feature_flag"]
        flags.choices = partial(limits.flag_choices, self.caller, limits.policies_of(self.before).feature_flag)
        chosen = {name: self[name].value() or [] for name in limits.AFTER_FIELDS.values()}
        limits.name_jobs(self.fields, chosen, self.caller)
        self.fields["timezone"].widget.attrs["list"] = "zone-names"
        default = ", ".join(f"{instants.duration(kind.default_timeout)} ({name})" for name, kind in TARGETS.items())
        self.fields["timeout"].help_text = f"Empty: {default}."
        payload_help = " ".join(section.payload_help for section in SECTIONS.values() if section.payload_help)
        self.fields["payload"].help_text = f"JSON. {payload_help} Empty: no payload.".replace("  ", " ")
        add_class(self.fields["description"].widget, "ms-plain")

    def _compare_with_job(self) -> None:
        """Note what was changed in the job after the form had been opened, and show these values in untouched fields.

        So a person who saves the form again, after looking at it, overwrites only what they have edited.
        """
        shown = {name: field for name, field in self.fields.items() if name != changes.OPENED}
        present = {name: self.get_initial_for_field(field, name) for name, field in shown.items()}
        self.initial[changes.OPENED] = changes.fingerprints(present)
        if not self.is_bound:
            return
        opened = changes.read_fingerprints(self.data.get(changes.OPENED))
        self.lacks_opened = opened is None
        sent = {name: self[name].data for name in shown}
        self.meanwhile = changes.find_changes(shown, opened or {}, present, sent)
        data: Any = self.data
        self.data = data = data.copy()
        data[changes.OPENED] = self.initial[changes.OPENED]
        for change in self.meanwhile:
            if not change.is_edited:
                changes.put(data, change.name, present[change.name])

    def clean_name(self) -> str:
        given: str = self.cleaned_data["name"]
        stored = self.before.name if self.before else ""
        # A browser removes line ends from a single line, so an untouched name may lack those of the stored one.
        return stored if plain_lines(stored).replace("\n", "").strip() == given else given

    def clean_description(self) -> str:
        given: str = self.cleaned_data["description"]
        stored = self.before.description if self.before else ""
        return stored if plain_lines(stored) == given else given

    def clean_payload(self) -> Any:
        given = self.cleaned_data["payload"]
        section = SECTIONS.get(self.cleaned_data.get("target_kind") or "")
        if section is None or not section.takes_text(self.cleaned_data):
            return read_json(given)
        stored = self.before.spec.payload if self.before else None
        # Keep the stored text if only the line ends differ: browsers change line ends to CRLF.
        return stored if isinstance(stored, str) and plain_lines(stored) == given else given or None

    def clean(self) -> dict[str, Any]:
        """Validate the definition that the fields describe, and add each error to its field."""
        values = super().clean() or self.cleaned_data
        if self.lacks_opened:
            self.add_error(None, "The page is from another version of Mainspring. Check the values, and save again.")
        elif self.meanwhile:
            self.add_error(None, "This job was changed while you had the form open: see below.")
        for name in mapping.unused_fields(values.get("schedule_kind"), values.get("target_kind")) & set(self.errors):
            del self.errors[name]  # the page hides this field, so the user could not correct it
        links = limits.start_after_from(values)
        before = self._kept_members()
        data = before | mapping.members_from(values, before)
        schedule = self.before.known_schedule if self.before else None
        data["schedule"] = mapping.with_untouched_anchors(data["schedule"], self.changed_data, schedule)
        try:
            self.definition = validate(data, self.now, self.before, caller=self.caller)
        except InvalidDefinition as invalid:
            self.add_errors({limits.place_of_link(name, links): texts for name, texts in invalid.errors.items()})
        return values

    def _kept_members(self) -> dict[str, Any]:
        """Return the members of the job that is being edited, without unreadable ones; {} for a new job.

        The form's values replace the unreadable members.
        """
        if self.before is None:
            return {}
        unreadable, links = self.before.unreadable, chains.of(self.before.pk, self.caller)
        return {name: value for name, value in stored_members(self.before, links).items() if name not in unreadable}

    def add_errors(self, errors: dict[str, list[str]]) -> None:
        """Add a definition's errors to their fields, or to the form if an error has no field.

        If a field could not be parsed, the form shows only the parse error of this field.
        """
        unparsed, kind = set(self.errors), self.cleaned_data.get("target_kind")
        for dotted, texts in errors.items():
            field, rest = place_of(dotted, kind)
            if field not in unparsed:
                label = str(self.fields[field].label) if field else ""
                self.add_error(field, [in_form_words(sentence, dotted, label, rest) for sentence in texts])

    @property
    def changed_at(self) -> str:
        """When the job was last changed, paused or resumed, in words."""
        return instants.exact_text(self.before.updated_at, self.now) if self.before else ""

    @property
    def has_policy_errors(self) -> bool:
        """Whether a field in the collapsed section “Policies” has an error."""
        return bool(set(self.errors) & mapping.FOLDED_FIELDS)

    @property
    def uses_chains(self) -> bool:
        """Whether a field of the section “Also start after other jobs” has a value or an error."""
        fields = limits.AFTER_FIELDS.values()
        return any(self[name].value() or self[name].errors for name in fields)

    @property
    def uses_limits(self) -> bool:
        """Whether a field in the collapsed section of limits has an error, or a value other than the default."""
        defaults = limits.initial_limits(None, self.caller)
        return any(
            self[name].errors or str(self[name].value() or "") != str(defaults.get(name) or "")
            for name in limits.LIMIT_FIELDS
            if name != "pause_after_failures"  # the page shows this field in another section
        )

    def schedule_kinds(self) -> dict[str, str]:
        """Map each field of a schedule to the kinds of schedule that use the field."""
        return mapping.kinds_by_field()

    def targets(self) -> list[tuple[str, Section, list[BoundField]]]:
        """Return each kind of target with its section and the section's fields, in the order of the radio buttons."""
        return [(kind, part, [self[name] for name in part.fields]) for kind, part in SECTIONS.items()]
