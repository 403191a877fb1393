"""Maps the fields of the job form to the members of a definition, and back. This module validates nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from access.admin.json_shown import pretty
from executions.policies import RetryPolicy
from schedules.admin.form import limits
from schedules.admin.targets import SECTIONS
from schedules.clock.cron.hashed import uses_hash
from schedules.clock.reading.lines import read_lines, write_lines
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import ALLOWED_FIELDS, DEFINING_FIELD, Kind, ScheduleSpec
from schedules.clock.wording import number_words
from schedules.clock.zones.zones import instants_of, zone
from schedules.policies import CatchUpPolicy
from values.iso import iso_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from access.visibility import Caller
    from schedules.models import Job

# Schedule members whose form field has another name: the form's field `delay` is the delay before a retry.
FORM_NAMES = {"delay": "wait"}
API_NAMES = {field: member for member, field in FORM_NAMES.items()}
SCHEDULE_FIELDS: dict[str, tuple[str, ...]] = {
    kind: tuple(FORM_NAMES.get(name, name) for name in members) for kind, members in ALLOWED_FIELDS.items()
}
# One field of each schedule kind that is empty until the user types a schedule. The event of a solar schedule always
# has a value, so its latitude is used.
TYPED_FIELDS = tuple(
    "latitude" if kind is Kind.SOLAR else FORM_NAMES.get(name, name) for kind, name in DEFINING_FIELD.items()
)
RETRY_FIELDS = tuple(RetryPolicy.model_fields)
PLAIN_FIELDS = ("overlap", "timeout", "delivery")
CATCH_UP_FIELDS = tuple(f"catch_up_{name}" for name in CatchUpPolicy.model_fields)
FOLDED_FIELDS = {*RETRY_FIELDS, *PLAIN_FIELDS, *CATCH_UP_FIELDS, *limits.LIMIT_FIELDS, "start_jitter"}

DEFAULT_SCHEDULE = ScheduleSpec(Kind.NONE)

_DEGREES = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{1,120})?")  # as many digits as the smallest number that can be stored


def members_from(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a definition that the form's values describe.

    `before`: the readable members of the job that is being edited; empty for a new job. The result keeps the policies
    of `before` that have no field in the form. If the target kind is unchanged, the result also keeps the members of
    the target that have no field. The caller merges the result into `before`.
    """
    return {
        "name": values.get("name") or "",
        "description": values.get("description") or "",
        "schedule": schedule_from(values),
        "start_after": limits.start_after_from(values),
        "target": target_from(values, before.get("target", {})),
        "payload": values.get("payload"),
        "policies": policies_from(values, before.get("policies", {})),
    }


def schedule_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schedule that the form's values describe. Only the fields of the chosen kind are read."""
    kind = values.get("schedule_kind") or Kind.CRON
    given = {name: values.get(name) for name in SCHEDULE_FIELDS.get(kind, ())}
    # The preview passes every value as text. Text that is not a number stays text: reading the schedule then reports
    # an error.
    max_runs = given.get("max_runs")
    if isinstance(max_runs, str) and max_runs.strip().isascii() and max_runs.strip().isdigit() and len(max_runs) < 20:
        given["max_runs"] = int(max_runs)
    for name in ("latitude", "longitude"):
        if _DEGREES.fullmatch(str(given.get(name) or "").strip()):
            given[name] = float(str(given[name]))
    lines = given.get("specs")
    if isinstance(lines, str):
        given["specs"] = read_lines(lines)
    if not uses_hash(str(given.get("cron") or "")):
        given.pop("hash_key", None)  # the page hides this field, so the user could not clear it
    return {
        "kind": kind,
        **{API_NAMES.get(name, name): value for name, value in given.items() if value not in (None, "")},
    }


def with_untouched_anchors(
    schedule: dict[str, Any], changed: Collection[str], before: ScheduleSpec | None
) -> dict[str, Any]:
    """Return the form's schedule with the anchors of `before`, if the fields that show them are not in `changed`.

    The form shows an anchor as local time: in another time zone, the untouched text would mean another instant.
    """
    if before is None or schedule["kind"] != before.kind:
        return schedule
    if before.anchor_at and "anchor_at" in schedule and "anchor_at" not in changed:
        return {**schedule, "anchor_at": iso_text(before.anchor_at)}
    if before.specs and "specs" in schedule and "specs" not in changed:
        pairs = zip(schedule["specs"], before.specs, strict=True)
        specs = [{**entry, "anchor_at": iso_text(old.anchor_at)} if old.anchor_at else entry for entry, old in pairs]
        return {**schedule, "specs": specs}
    return schedule


def kinds_by_field() -> dict[str, str]:
    """Map each field of a schedule to the kinds that use the field, joined by spaces. The kind `none` is omitted."""
    fields = {name for names in SCHEDULE_FIELDS.values() for name in names}
    return {name: " ".join(kind for kind in DEFINING_FIELD if name in SCHEDULE_FIELDS[kind]) for name in fields}


def unused_fields(schedule_kind: str | None, target_kind: str | None) -> set[str]:
    """Return the fields of schedules and targets that these two kinds do not use. The page hides these fields.

    An unknown kind, or None, hides no fields.
    """
    every = {name for names in SCHEDULE_FIELDS.values() for name in names}
    unused = every - set(SCHEDULE_FIELDS.get(schedule_kind or "", every))
    if target_kind in SECTIONS:
        unused |= {name for kind, section in SECTIONS.items() if kind != target_kind for name in section.fields}
    return unused


def target_from(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target that the form's values describe.

    If `before` has the same kind, the result also has the members of `before` that have no field in the form.
    """
    kind = values.get("target_kind")
    if kind not in SECTIONS:
        return {"kind": kind}
    return {**SECTIONS[kind].target(values, before if before.get("kind") == kind else {}), "kind": kind}


def policies_from(values: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the policies that the form's values describe. Empty fields are left out.

    The result also contains the policies of `before` that the form does not show.
    """
    shown = (*PLAIN_FIELDS, *limits.LIMIT_POLICIES, "retry", "catch_up", "jitter")
    kept = {name: value for name, value in before.items() if name not in shown} | limits.limits_from(values)
    policies = {**kept, **{name: values.get(name) for name in PLAIN_FIELDS if values.get(name)}}
    policies["retry"] = {name: values.get(name) for name in RETRY_FIELDS if values.get(name) not in (None, "")}
    catch_up = {name.removeprefix("catch_up_"): values.get(name) for name in CATCH_UP_FIELDS}
    policies["catch_up"] = {name: value for name, value in catch_up.items() if value not in (None, "")}
    if values.get("start_jitter"):
        policies["jitter"] = values["start_jitter"]
    return policies


def initial_of(job: Job | None, caller: Caller) -> dict[str, Any]:
    """Return the initial values of the form: the values of the job's definition.

    Without a job, and for each part of the job that cannot be read, the values are the defaults.
    """
    policies = limits.policies_of(job).model_dump(mode="json")
    values: dict[str, Any] = {
        "schedule_kind": Kind.CRON.value,
        "timezone": DEFAULT_SCHEDULE.timezone,
        "dst_gap": DEFAULT_SCHEDULE.dst_gap.value,
        "dst_fold": DEFAULT_SCHEDULE.dst_fold.value,
        "solar": SolarEvent.SUNRISE.value,
        "target_kind": next(iter(SECTIONS)),
        **{name: policies[name] for name in PLAIN_FIELDS},
        **policies["retry"],
        **{name: policies["catch_up"][name.removeprefix("catch_up_")] for name in CATCH_UP_FIELDS},
        "start_jitter": policies["jitter"],
        **limits.initial_limits(job, caller),
    }
    for section in SECTIONS.values():
        values |= section.initial(None)
    if job is None:
        return values
    section = SECTIONS[job.spec.target_kind]
    target = None if "target" in job.unreadable else job.spec.target
    values |= {**_schedule_values(job), "target_kind": job.spec.target_kind, **section.initial(target)}
    # Show a raw body unchanged, and any other payload as JSON: in JSON, a text has quotation marks.
    is_raw = isinstance(job.spec.payload, str) and section.takes_text(target or {})
    values["payload"] = job.spec.payload if is_raw else pretty(job.spec.payload)
    return values


def local_text(at: datetime, zone_name: str) -> str:
    """Return an instant as local time in the zone, with the UTC offset if the local time occurs twice."""
    local = at.astimezone(zone(zone_name))
    naive = local.replace(tzinfo=None, fold=0)
    if len(instants_of(naive, zone_name)) != 1:
        return local.isoformat(sep=" ")
    if naive.microsecond:
        return naive.isoformat(sep=" ")
    return f"{naive:%Y-%m-%d %H:%M}" if naive.second == 0 else f"{naive:%Y-%m-%d %H:%M:%S}"


def _schedule_values(job: Job) -> dict[str, Any]:
    spec = job.known_schedule
    if spec is None:
        return {}
    values: dict[str, Any] = {
        "schedule_kind": spec.kind.value,
        **{k: v for k, v in job.schedule.items() if k != "kind"},
    }
    for name in ("at", "anchor_at", "start_at", "end_at"):
        if (at := getattr(spec, name)) is not None:
            values[name] = local_text(at, spec.timezone)
    if spec.delay is not None:
        values["wait"] = values.pop("delay")
    if spec.solar is not None:
        values |= {"latitude": number_words(spec.latitude), "longitude": number_words(spec.longitude)}
    if spec.specs:
        values["specs"] = write_lines(spec.specs, spec.timezone, local_text)
    return values
