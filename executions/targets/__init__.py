"""What a run does: one file (or folder) for each kind of target. `schedules` imports the names of this module alone."""

from executions.targets.base import InvalidTarget, TargetConfig
from executions.targets.command.registry import commands
from executions.targets.loading import load_parts, template_faults
from executions.targets.registry import TARGETS, AnyTarget, check_payload, masked, parse_config

__all__ = [
    "TARGETS",
    "AnyTarget",
    "InvalidTarget",
    "TargetConfig",
    "check_payload",
    "commands",
    "load_parts",
    "masked",
    "parse_config",
    "template_faults",
]
