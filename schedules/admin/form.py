"""The job form: its fields in people's words, and validation by the one set of rules in `schedules.definitions`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from access.admin.theming import ModelForm
from executions.admin import words
from executions.overlap import Overlap
from executions.policies import Delivery
from executions.retry import Backoff
from executions.targets.command.registry import commands
from executions.targets.registry import TARGETS
from schedules import definitions
from schedules.admin import mapping
from schedules.admin.jsontext import JsonText, LongText, plain_lines, read_json
from schedules.clock.catchup import CatchUp
from schedules.clock.localtime import Fold, Gap
from schedules.clock.spec import Kind
from schedules.exceptions import InvalidDefinition
from schedules.models import Job

if TYPE_CHECKING:
    from schedules.definitions import Definition

KINDS = (
    (Kind.CRON.value, "Cron expression"),
    (Kind.EVERY.value, "Fixed interval"),
    (Kind.ONCE.value, "Once"),
    (Kind.NONE.value, "Only by hand"),
)
TARGET_KINDS = (("http", "HTTP request"), ("command", "Command"))
INSTANT = "2027-03-01 09:00"
INSTANT_HELP = "In the time zone above, or with an offset such as +02:00."


def text(
    label: str, placeholder: str = "", help_text: str = "", *, mono: bool = False, **kwargs: Any
) -> forms.CharField:
    """A line of text."""
    widget = UnfoldAdminTextInputWidget(
        attrs={"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"}
    )
    if mono:
        widget.attrs["class"] = f"{widget.attrs.get('class', '')} ms-mono"
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget, **kwargs)


def choice(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    """One of a few."""
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, required=False, widget=UnfoldAdminSelectWidget()
    )


def json_text(label: str, placeholder: str, help_text: str = "", rows: int = 3) -> JsonText:
    """A text of JSON."""
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "placeholder": placeholder, "spellcheck": "false"})
    return JsonText(label=label, help_text=help_text, widget=widget)


def number(label: str, help_text: str = "") -> forms.IntegerField:
    """A whole number; its bounds are for the definition to judge."""
    return forms.IntegerField(label=label, help_text=help_text, required=False, widget=UnfoldAdminIntegerFieldWidget())


def switch(label: str, help_text: str = "") -> forms.BooleanField:
    """Yes or no."""
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=UnfoldBooleanWidget())


def command_choices() -> list[tuple[str, str]]:
    """The registered commands."""
    return [("", "Choose a command"), *((name, name) for name in sorted(commands()))]


class JobForm(ModelForm[Job]):
    """Everything that a definition has. Fields of other kinds than the chosen ones are passed over."""

    schedule_kind = forms.ChoiceField(label="Runs", choices=KINDS, widget=forms.RadioSelect)
    cron = text(
        "Cron expression",
        "0 9 * * mon-fri",
        "Five fields, or six with seconds first. Also L, LW, 5#2, @daily.",
        mono=True,
    )
    every = text("Every", "15m", "Such as 30s, 15m, 2h, 1d, 1h30m or PT15M.", mono=True)
    anchor_at = text("Counted from", INSTANT, "Empty: from the start, or from the moment of saving.")
    at = text("At", INSTANT, INSTANT_HELP)
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
    method = choice("Method", [(name, name) for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")])
    url = text("URL", "https://example.org/hook", "http or https. Credentials belong into a header.", mono=True)
    headers = json_text("Headers", '{"Authorization": "Bearer …"}', "A JSON object of texts.")
    query = json_text("Query", '{"page": 1}', "A JSON object, added to what the URL already asks for.")
    body_format = choice(
        "Body",
        [("json", "Payload as JSON"), ("form", "Payload as a form"), ("raw", "Payload as it is"), ("none", "No body")],
    )
    success_statuses = text("Success is", "200-299", "Statuses and ranges, with commas between.")
    retry_statuses = text(
        "Worth a retry", "408, 425, 429, 500-599", "Empty: 408, 425, 429 and 500-599. Others fail for good."
    )
    connect_timeout = text("Time to connect", "10s")
    read_timeout = text("Longest silence", "none", "Empty: only the timeout of the attempt counts.")
    follow_redirects = switch("Follow redirects", "Up to five, each of them checked.")
    verify_tls = switch("Check the server's certificate", "Leave it on.")
    command = forms.ChoiceField(
        label="Command", choices=command_choices, required=False, widget=UnfoldAdminSelectWidget()
    )
    payload = LongText(
        label="Payload",
        help_text="JSON. For HTTP it is the body, for a command its parameters. Empty: none.",
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 5, "placeholder": '{"message": "hello"}', "spellcheck": "false"}
        ),
    )

    overlap = choice(
        "When the last run still goes on",
        [(Overlap.SKIP.value, "Skip this occurrence"), (Overlap.ALLOW.value, "Start beside it")],
    )
    catch_up_mode = choice(
        "After an outage, of the missed occurrences",
        [
            (CatchUp.LAST.value, "Run the last one, once"),
            (CatchUp.ALL.value, "Run each of them"),
            (CatchUp.SKIP.value, "Run none"),
        ],
    )
    catch_up_max_age = text("Too old to catch up after", "1h")
    max_retries = number("Retries after a failure", "0: none.")
    backoff = choice("Delay between tries", [(name.value, name.capitalize()) for name in reversed(Backoff)])
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
        self.fields["timezone"].widget.attrs["list"] = "zone-names"
        default = " and ".join(f"{words.duration(kind.default_timeout)} ({name})" for name, kind in TARGETS.items())
        self.fields["timeout"].help_text = f"Empty: {default}."
        _add_class(self.fields["description"], "ms-plain")

    def clean_payload(self) -> Any:
        given = plain_lines(self.cleaned_data["payload"])
        if self.cleaned_data.get("target_kind") != "http" or self.cleaned_data.get("body_format") != "raw":
            return read_json(given)
        stored = self.before.spec.payload if self.before else None
        return stored if isinstance(stored, str) and plain_lines(stored) == given else given or None

    def clean(self) -> dict[str, Any]:
        """Judge the whole by the definition's rules, and put each complaint under its field."""
        values = super().clean() or self.cleaned_data
        for name in mapping.unused_fields(values.get("schedule_kind"), values.get("target_kind")) & set(self.errors):
            del self.errors[name]  # what is hidden could not be mended
        spec = self.before.spec if self.before else None
        data = {
            "name": values.get("name") or "",
            "description": values.get("description") or "",
            "schedule": mapping.schedule_from(values),
            "target": mapping.target_from(values, spec.target if spec else {}),
            "payload": values.get("payload"),
            "policies": mapping.policies_from(values, spec.policies if spec else {}),
        }
        try:
            self.definition = definitions.validate(data, self.now, self.before)
        except InvalidDefinition as invalid:
            self.complain(invalid.errors)
        return values

    def complain(self, errors: dict[str, list[str]]) -> None:
        """Show a definition's errors. A field that could not even be read keeps its own complaint alone."""
        unread = set(self.errors)
        for dotted, texts in errors.items():
            field, rest = mapping.place_of(dotted)
            if field not in unread:
                self.add_error(
                    field, [f"{rest}: {sentence}" if rest else mapping.in_form_words(sentence) for sentence in texts]
                )

    @property
    def has_policy_errors(self) -> bool:
        """Whether the folded part of the form has something to show."""
        return bool(set(self.errors) & mapping.FOLDED_FIELDS)

    def commands(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """Name, description and parameters of each command, for the help beside the form."""
        return [(name, found.description, _parameters(found.schema)) for name, found in sorted(commands().items())]


def _add_class(field: forms.Field, name: str) -> None:
    field.widget.attrs["class"] = f"{field.widget.attrs.get('class', '')} {name}".strip()


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "type": _type_words(described),
            "is_required": name in required,
            "default": described.get("default"),
            "has_default": "default" in described,
            "description": described.get("description", ""),
        }
        for name, described in schema.get("properties", {}).items()
    ]


def _type_words(described: dict[str, Any]) -> str:
    if "anyOf" in described:
        return " or ".join(dict.fromkeys(_type_words(part) for part in described["anyOf"]))
    if "enum" in described:
        return ", ".join(str(value) for value in described["enum"])
    return str(described.get("format") or described.get("type") or described.get("$ref", "any").rpartition("/")[2])
