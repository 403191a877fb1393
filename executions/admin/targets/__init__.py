"""How the admin shows each kind of target. An optional module `<kind>.py` in this folder defines the kind's look."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look, UnknownLook
from executions.targets.kind_faults import TEMPLATE
from executions.targets.loading import load_parts
from executions.targets.registry import TARGETS, read_target
from values.readable import Unreadable

DEFAULT_LOOK = Look()
# FAULTS is for executions/checks.py.
LOOKS, FAULTS = load_parts(__name__, "LOOK", Look, TARGETS, "mainspring.E007", [TEMPLATE])


def look_of(kind: str) -> Look:
    """Return the kind's own look, or the default look. Return an UnknownLook if this version has no such kind."""
    if kind not in TARGETS:
        return UnknownLook(kind)
    return LOOKS.get(kind, DEFAULT_LOOK)


def target_words(kind: str, target: Any) -> tuple[str, str]:
    """Return a target as two short texts, such as (`POST`, `https://example.org/hook`) or (`command`, `demo.echo`).

    If this version cannot read the target, the texts contain no member of the target except its kind: any other member
    may be a credential.
    """
    stored = {**(target if isinstance(target, dict) else {}), "kind": kind}
    if kind in TARGETS and isinstance(read_target(stored), Unreadable):
        return kind, ""
    return look_of(kind).words(stored)
