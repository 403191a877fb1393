"""How each kind of target looks on the pages of what happened: one module a kind, named as the kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from executions.admin.targets.base import StrangeLook
from executions.targets.registry import TARGETS

if TYPE_CHECKING:
    from executions.admin.targets.base import Look

LOOKS: dict[str, Look] = {kind: import_module(f"{__name__}.{kind}").LOOK for kind in TARGETS}


def look_of(kind: str) -> Look:
    """How a kind looks, also one that another version of the code knows."""
    return LOOKS.get(kind) or StrangeLook(kind)


def target_words(kind: str, target: Any) -> tuple[str, str]:
    """A target in short: (`POST`, `https://example.org/hook`) or (`command`, `demo.echo`)."""
    return look_of(kind).words(target if isinstance(target, dict) else {})
