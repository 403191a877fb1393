"""Shows the errors of a definition at the fields of the job form, with the form's labels instead of the API's names."""

from __future__ import annotations

import re

from schedules.admin.form import limits
from schedules.admin.form.json_fields import OBJECT_EXAMPLE
from schedules.admin.form.mapping import API_NAMES, CATCH_UP_FIELDS, PLAIN_FIELDS, RETRY_FIELDS, SCHEDULE_FIELDS
from schedules.admin.targets import SECTIONS

# The form's labels of API names that may occur in the error of another field.
LABELS = {
    "start_at": "Not before",
    "end_at": "Not after",
    "anchor_at": "Interval counts from",
    "dst_gap": "If clocks skip the time",
    "dst_fold": "If the time occurs twice",
    "hash_key": "Key of H",
    "max_runs": "Maximum number of runs",
    **{name: label for section in SECTIONS.values() for name, label in section.labels.items()},
}
_ENTRY = re.compile(r"schedule\.specs\.([0-9]+)")
_API_NAME = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in LABELS))

# The form's field that shows the errors of each dotted field, and of values nested in it, such as one header.
PLACES: dict[str, str] = {
    **{name: name for name in ("name", "description", "payload")},
    "schedule": "schedule_kind",
    "schedule.kind": "schedule_kind",
    **{f"schedule.{API_NAMES.get(name, name)}": name for names in SCHEDULE_FIELDS.values() for name in names},
    "target": "target_kind",
    "target.kind": "target_kind",
    **{f"policies.{name}": name for name in PLAIN_FIELDS},
    "policies.retry": "max_retries",
    **{f"policies.retry.{name}": name for name in RETRY_FIELDS},
    "policies.catch_up": "catch_up_mode",
    **{f"policies.catch_up.{name.removeprefix('catch_up_')}": name for name in CATCH_UP_FIELDS},
    "policies.jitter": "start_jitter",
    **limits.LIMIT_PLACES,
}
# Like PLACES, for the members of each kind of target: two kinds may have members with the same name.
TARGET_PLACES: dict[str, dict[str, str]] = {
    kind: {f"target.{name}".rstrip("."): field for name, field in section.places.items()}
    for kind, section in SECTIONS.items()
}


def place_of(dotted: str, target_kind: str | None = None) -> tuple[str | None, str]:
    """Return the form's field for the member `dotted` of a definition; None if the form has no field for the member.

    Also returns the part of `dotted` that does not name the field, such as the name of a header.
    """
    places = PLACES | TARGET_PLACES.get(target_kind or "", {})
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        head = ".".join(parts[:length])
        if head in places:
            return places[head], ".".join(parts[length:])
    return None, dotted


def in_form_words(sentence: str, dotted: str = "", label: str = "", rest: str = "") -> str:
    """Return an error with the form's labels instead of the API's names.

    `dotted`: the dotted name of the wrong member. `label`: the label of the form's field. `rest`: the second value
    that `place_of` returns for `dotted`.
    """
    if sentence.startswith("is required"):
        return "This field is required."
    if entry_no := _ENTRY.match(dotted):
        return f"Entry {int(entry_no[1]) + 1}: {sentence}"
    if sentence == "limit is required.":
        return "Enter a number here. For no limit, set the other fields of this group to their defaults."
    name, own = dotted.rpartition(".")[2], rest or label
    if name and own and sentence.startswith(f"{name} "):
        text = f"“{own}”{sentence[len(name) :]}"
    elif rest:
        entry = f"Entry {int(rest) + 1}" if rest.isdecimal() else f"“{rest}”"
        text = f"{entry}: {sentence}"
    else:
        text = _API_NAME.sub(lambda match: f"“{LABELS[match[0]]}”", sentence)
    text = text.replace(" must be an object.", f" must be a JSON object, such as {OBJECT_EXAMPLE}.")
    return text[:1].upper() + text[1:]
