"""Merges a change into a job's definition, as a JSON merge patch (RFC 7396) does."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from pydantic import BaseModel

from executions.targets import TARGETS
from schedules.clock.reading.schedule import KEYS
from schedules.clock.spec import ALLOWED_FIELDS, DEFINING_FIELD, Kind
from schedules.jobs.members import MEMBERS
from schedules.policies import JobPolicies
from values.iso import iso_text
from values.json_values import merge_patch

if TYPE_CHECKING:
    from datetime import datetime

    from values.json_values import JSON


def merged(definition: Mapping[str, Any], change: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a definition after a change: objects are merged, null removes a member, and other values replace.

    A change that gives the schedule or the target another kind replaces the members of the old kind: a schedule keeps
    the members that both kinds have, such as `timezone`, and a target and its payload keep nothing. Neither argument is
    changed. The result is not validated. Unknown members stay in it, also if they are null, so that the validation
    reports them.
    """
    base = dict(definition)
    if isinstance(change.get("schedule"), list):
        change = {**change, "schedule": {"specs": change["schedule"]}}
    if isinstance(schedule := change.get("schedule"), Mapping) and isinstance(base.get("schedule"), Mapping):
        base["schedule"] = _kept_of_schedule(base["schedule"], schedule)
        if "anchor_at" in schedule and schedule["anchor_at"] is None:
            change = {**change, "schedule": {**schedule, "anchor_at": _new_anchor(base["schedule"], schedule, now)}}
    if isinstance(target := change.get("target"), Mapping) and _is_other_kind(base.get("target"), target):
        base["target"] = {}
        if "payload" in change:
            base.pop("payload", None)
    result = merge_patch(base, change)
    assert isinstance(result, dict)
    return _with_unknown_nulls(result, change, _known_members())


# The members of each object in a definition; None for values that are no objects, or whose members may have any name.
Known: TypeAlias = "Mapping[str, Known | None]"


@cache
def _known_members() -> Known:
    of_targets = {name for target in TARGETS.values() for name in target.config.model_fields}
    target = dict.fromkeys(["kind", *of_targets])  # of any kind: a change may remove what another kind had
    objects: Known = {"schedule": dict.fromkeys(KEYS), "policies": _members_of(JobPolicies), "target": target}
    return {**dict.fromkeys(MEMBERS), **objects}


def _members_of(annotation: Any) -> Known | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: _members_of(field.annotation) for name, field in annotation.model_fields.items()}
    return next(filter(None, map(_members_of, get_args(annotation))), None)


def _with_unknown_nulls(result: Mapping[str, Any], change: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """Return the result of a change with the null members that the merge has removed although they are unknown."""
    kept = dict(result)
    for name, value in change.items():
        inner = known.get(name)
        if value is None and name not in known:
            kept[name] = None
        elif inner and isinstance(value, Mapping) and isinstance(kept.get(name), Mapping):
            kept[name] = _with_unknown_nulls(kept[name], value, inner)
    return kept


def _kept_of_schedule(stored: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a stored schedule that stay when a change is merged into it."""
    named = [kind for kind, name in DEFINING_FIELD.items() if change.get(name) is not None]
    kinds = [change["kind"]] if change.get("kind") is not None else named
    if len(kinds) != 1 or kinds[0] == stored.get("kind") or kinds[0] not in list(Kind):
        # Several kinds, or a kind that does not exist: the validation reports them.
        return dict(stored)
    kept = {name: value for name, value in stored.items() if name in ALLOWED_FIELDS[Kind(kinds[0])]}
    return {"kind": kinds[0], **kept}


def _new_anchor(kept: Mapping[str, Any], change: Mapping[str, Any], now: datetime) -> JSON:
    # Without an anchor, an unchanged interval would keep its old anchor.
    start_at: JSON = change["start_at"] if "start_at" in change else kept.get("start_at")
    return iso_text(now) if start_at is None else start_at


def _is_other_kind(stored: object, change: Mapping[str, Any]) -> bool:
    kind = change.get("kind")
    return kind is not None and isinstance(stored, Mapping) and kind != stored.get("kind")
