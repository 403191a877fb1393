"""How each kind of target looks on the pages of runs and jobs. `<kind>.py` here is optional: see `base.Look`."""

from __future__ import annotations

from typing import Any

from executions.admin.targets.base import Look, UnknownLook
from executions.targets.loading import load_parts
from executions.targets.registry import TARGETS, read_target
from values.readable import Unreadable

DEFAULT_LOOK = Look()
LOOKS, FAULTS = load_parts(__name__, "LOOK", Look, TARGETS, "mainspring.E007")  # FAULTS: for executions/checks.py


def look_of(kind: str) -> Look:
    """Return the look of a kind: its own or the default; an UnknownLook if this version does not have the kind."""
    if kind not in TARGETS:
        return UnknownLook(kind)
    return LOOKS.get(kind, DEFAULT_LOOK)


def target_words(kind: str, target: Any) -> tuple[str, str]:
    """Return a target in two short texts: (`POST`, `https://example.org/hook`) or (`command`, `demo.echo`).

    Of a target that cannot be read, only the kind is shown: any of its members may be a credential.
    """
    stored = {**(target if isinstance(target, dict) else {}), "kind": kind}
    if kind in TARGETS and isinstance(read_target(stored), Unreadable):
        return kind, ""
    return look_of(kind).words(stored)
