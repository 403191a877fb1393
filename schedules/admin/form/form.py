"""The job form: its fields in people's words, and validation by the one set of rules in `schedules.jobs.validation`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from access.admin.theming import ModelForm
from access.visibility import ENGINE
from executions.policies import Backoff, Delivery
from executions.targets import TARGETS
from schedules.admin.form import limits, mapping
from schedules.admin.form.fields import add_class, choice, long_text, needed, number, switch, text
from schedules.admin.form.json_fields import plain_lines, read_json
from schedules.admin.form.policy_words import OVERLAPS
from schedules.admin.targets import SECTIONS
from schedules.clock.policies.catch_up import CatchUp
from schedules.clock.spec import Kind, SolarEvent
from schedules.clock.zones.local_times import Fold, Gap
from schedules.exceptions import InvalidDefinition
from schedules.jobs.members import stored_members
from schedules.jobs.validation import validate
from schedules.models import Job
from values import instants

if TYPE_CHECKING:
    from django.forms.boundfield import BoundField

    from access.visibility import Caller
    from schedules.admin.targets.base import Section
    from schedules.jobs.validation import Definition

KINDS = (
    (Kind.CRON.value, "Cron expression"),
    (Kind.EVERY.value, "Fixed interval"),
    (Kind.ONCE.value, "Once"),
    (Kind.SOLAR.value, "With the sun"),
    (Kind.DELAY.value, "After the previous run"),
    (Kind.SEVERAL.value, "Several of these"),
    (Kind.NONE.value, "Only by hand"),
)
TARGET_KINDS = tuple((kind, part.label) for kind, part in SECTIONS.items())
INSTANT = "2027-03-01 09:00"
SPECS = "0 9 * * mon-fri\nevery 6h from 2027-03-01 00:00\n2027-03-01 09:00\nsunset 52.5 13.4"
SPECS_HELP = (
    "One a line: a cron expression, every …, an instant, or what the sun does and where. "
    "For one with a time zone or limits of its own, its JSON."
)
INSTANT_HELP = "In the job's time zone, or with an offset such as +02:00."


# Each kind of target brings its own fields.
TargetFields: Any = type(
    "TargetFields", (forms.Form,), {name: field for part in SECTIONS.values() for name, field in part.fields.items()}
)
LimitFields: Any = type("LimitFields", (forms.Form,), limits.FIELDS)


class JobForm(ModelForm[Job], TargetFields, LimitFields):  # type: ignore[misc]  # made of the registered kinds
    """Everything that a definition has. Fields of other kinds than the chosen ones are passed over.

    The admin sets `caller` on the class that it makes for a request.
    """

    caller: ClassVar[Caller] = ENGINE

    schedule_kind = forms.ChoiceField(label="Runs", choices=KINDS, widget=forms.RadioSelect)
    cron = needed(
        text(
            "Cron expression",
            "0 9 * * mon-fri",
            "Five fields, or six with seconds first. Also L, LW, 5#2, @daily.",
            mono=True,
        )
    )
    every = needed(text("Every", "15m", "Such as 30s, 15m, 2h, 1d, 1h30m or PT15M.", mono=True))
    anchor_at = text("Counted from", INSTANT, "Empty: from the start, or from the moment of saving.")
    at = needed(text("At", INSTANT, INSTANT_HELP))
    wait = needed(text("Wait", "15m", "Between the end of a run and the next one, such as 30s, 15m or 2h.", mono=True))
    solar = choice("At", [(event.value, event.value.replace("_", " ").capitalize()) for event in SolarEvent])
    latitude = needed(text("Latitude", "52.5", "Degrees; south is negative."))
    longitude = needed(text("Longitude", "13.4", "Degrees; west is negative."))
    specs = needed(long_text("Schedules", SPECS, rows=4, help_text=SPECS_HELP))
    timezone = text("Time zone", "Europe/Paris", "An IANA name: type to search.")
    dst_gap = choice(
        "When clocks skip its time",
        [(Gap.SHIFT.value, "Run right after the gap"), (Gap.SKIP.value, "Leave it out that day")],
    )
    dst_fold = choice(
        "When its time comes twice",
        [(Fold.FIRST.value, "Run the first time only"), (Fold.BOTH.value, "Run both times")],
    )
    start_at = text("Not before", INSTANT, INSTANT_HELP)
    end_at = text("Not after", INSTANT, INSTANT_HELP)
    max_runs = number("At most this many runs", "Empty: no limit.")

    target_kind = forms.ChoiceField(label="Does", choices=TARGET_KINDS, widget=forms.RadioSelect)
    payload = long_text("Payload", '{"message": "hello"}', rows=5)

    overlap = choice("When the last run still goes on", [(name.value, text) for name, text in OVERLAPS.items()])
    catch_up_mode = choice(
        "After an outage, of the missed occurrences",
        [
            (CatchUp.LAST.value, "Run the last one, once"),
            (CatchUp.FIRST.value, "Run the first one, once"),
            (CatchUp.ALL.value, "Run each of them"),
            (CatchUp.SKIP.value, "Run none"),
        ],
        "Runs that wait to be caught up with count as going on: where overlap skips, only the first of several runs.",
    )
    catch_up_max_age = text("Too old to catch up after", "1h")
    catch_up_max_runs = number("Catch up with at most", "Of more, the earlier ones never run.")
    catch_up_pace = text("Pace of catching up", "1s", "At the least so long between two starts.")
    start_jitter = text("Spread starts over", "0s", "Each run starts up to so much later, always before the next.")
    max_retries = number("Retries after a failure", "0: none.")
    backoff = choice("Delay between attempts", [(name.value, name.capitalize()) for name in reversed(Backoff)])
    delay = text("First delay", "5s")
    max_delay = text("Longest delay", "1h")
    jitter = switch("Spread the delays", "So that failures do not return together.")
    timeout = text("Timeout of one attempt", "", "")
    delivery = choice(
        "When its worker is lost",
        [
            (Delivery.AT_LEAST_ONCE.value, "Carry the run out again (at least once)"),
            (Delivery.AT_MOST_ONCE.value, "Let the run fail (at most once)"),
        ],
    )

    # As the page has them, for the note above the form that names the wrong ones.
    field_order = (
        *(
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
        ),
        *(
            "start_at",
            "end_at",
            "max_runs",
            *limits.AFTER_FIELDS.values(),
            "target_kind",
            *TargetFields.base_fields,
            "payload",
        ),
        *(*mapping.RETRY_FIELDS, "timeout", *mapping.CATCH_UP_FIELDS),
    )

    class Meta:
        model = Job
        fields = ("name", "description")
        widgets: ClassVar = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
        help_texts: ClassVar = {"description": "What it is for, and whom to ask."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        job = kwargs.get("instance")
        self.before = job if job is not None and job.created_at else None
        kwargs["initial"] = mapping.initial_of(self.before) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.definition: Definition | None = None
        self.now = datetime.now(UTC)
        flags: Any = self.fields["feature_flag"]
        flags.choices = partial(limits.flag_names, self.caller)
        chosen = {name: self[name].value() or [] for name in limits.AFTER_FIELDS.values()}
        limits.name_jobs(self.fields, chosen, self.caller)
        self.fields["timezone"].widget.attrs["list"] = "zone-names"
        default = ", ".join(f"{instants.duration(kind.default_timeout)} ({name})" for name, kind in TARGETS.items())
        self.fields["timeout"].help_text = f"Empty: {default}."
        in_words = " ".join(section.payload_help for section in SECTIONS.values() if section.payload_help)
        self.fields["payload"].help_text = f"JSON. {in_words} Empty: none.".replace("  ", " ")
        add_class(self.fields["description"].widget, "ms-plain")

    def clean_payload(self) -> Any:
        given = plain_lines(self.cleaned_data["payload"])
        section = SECTIONS.get(self.cleaned_data.get("target_kind") or "")
        if section is None or not section.takes_text(self.cleaned_data):
            return read_json(given)
        stored = self.before.spec.payload if self.before else None
        return stored if isinstance(stored, str) and plain_lines(stored) == given else given or None

    def clean(self) -> dict[str, Any]:
        """Judge the whole by the definition's rules, and put each complaint under its field."""
        values = super().clean() or self.cleaned_data
        for name in mapping.unused_fields(values.get("schedule_kind"), values.get("target_kind")) & set(self.errors):
            del self.errors[name]  # what is hidden could not be mended
        links = limits.start_after_from(values)
        before = self._kept_members()
        data = before | mapping.members_from(values, before)
        try:
            self.definition = validate(data, self.now, self.before, caller=self.caller)
        except InvalidDefinition as invalid:
            self.complain({limits.place_of_link(name, links): texts for name, texts in invalid.errors.items()})
        return values

    def _kept_members(self) -> dict[str, Any]:
        """What the job has now, by member. A member that cannot be read is left out: nobody could fix it in this form."""
        if self.before is None:
            return {}
        unreadable = self.before.unreadable
        return {name: value for name, value in stored_members(self.before).items() if name not in unreadable}

    def complain(self, errors: dict[str, list[str]]) -> None:
        """Show a definition's errors. A field that could not even be read keeps its own complaint alone."""
        unread, kind = set(self.errors), self.cleaned_data.get("target_kind")
        for dotted, texts in errors.items():
            field, rest = mapping.place_of(dotted, kind)
            if field not in unread:
                label = str(self.fields[field].label) if field else ""
                self.add_error(field, [mapping.in_form_words(sentence, dotted, label, rest) for sentence in texts])

    @property
    def has_policy_errors(self) -> bool:
        """Whether the folded part of the form has something to show."""
        return bool(set(self.errors) & mapping.FOLDED_FIELDS)

    @property
    def uses_chains(self) -> bool:
        """Whether the job starts after others, or there is something wrong with that."""
        fields = limits.AFTER_FIELDS.values()
        return any(self[name].value() or self[name].errors for name in fields)

    @property
    def uses_limits(self) -> bool:
        """Whether some of the limits are other than usual, or wrong."""
        usual = limits.initial_of(None)
        return any(
            self[name].errors or str(self[name].value() or "") != str(usual.get(name) or "")
            for name in (*limits.POLICY_FIELDS,)
            if name != "pause_after_failures"
        )

    def targets(self) -> list[tuple[str, Section, list[BoundField]]]:
        """Return each kind of target with its part of the form and the part's fields, in the order of the radio buttons."""
        return [(kind, part, [self[name] for name in part.fields]) for kind, part in SECTIONS.items()]
