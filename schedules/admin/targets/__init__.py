"""The section of the job form for each kind of target. A kind may have a module `<kind>.py` here: see `base`."""

from __future__ import annotations

from executions.targets import TARGETS, load_parts
from schedules.admin.targets.base import MEMBERS, DefaultSection, Section

# schedules/checks.py reports FAULTS as errors of Django's system check.
_own, FAULTS = load_parts(__name__, "SECTION", Section, TARGETS, "mainspring.E008", MEMBERS)  # type: ignore[type-abstract]
SECTIONS = {kind: _own.get(kind) or DefaultSection(kind, target.config) for kind, target in TARGETS.items()}
