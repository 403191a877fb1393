"""What each kind of target has in the job form: one module a kind, named as the kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from executions.targets import TARGETS

if TYPE_CHECKING:
    from schedules.admin.targets.base import Section

SECTIONS: dict[str, Section] = {kind: import_module(f"{__name__}.{kind}").SECTION for kind in TARGETS}
