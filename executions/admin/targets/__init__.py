"""How each kind of target looks on the pages of runs and jobs. `<kind>.py` here is optional: see `base.Look`."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look, UnknownLook
from executions.targets.kind_faults import TEMPLATE
from executions.targets.loading import load_parts
from executions.targets.registry import TARGETS

DEFAULT_LOOK = Look()
# FAULTS is for executions/checks.py.
LOOKS, FAULTS = load_parts(__name__, "LOOK", Look, TARGETS, "mainspring.E007", [TEMPLATE])


def look_of(kind: str) -> Look:
    """Return the look of a kind: its own or the default; an UnknownLook if this version does not have the kind."""
    if kind not in TARGETS:
        return UnknownLook(kind)
    return LOOKS.get(kind, DEFAULT_LOOK)


def target_words(kind: str, target: Any) -> tuple[str, str]:
    """Return a target in two short texts: (`POST`, `https://example.org/hook`) or (`command`, `demo.echo`)."""
    members = target if isinstance(target, dict) else {}
    return look_of(kind).words({**members, "kind": kind})
