"""What a run does: one file (or folder) for each kind of target. Other packages import their names from here."""

from executions.targets.base import InvalidTarget, TargetConfig
from executions.targets.command.registry import commands
from executions.targets.registry import TARGETS, AnyTarget, check_payload, masked, parse_config

__all__ = [
    "TARGETS",
    "AnyTarget",
    "InvalidTarget",
    "TargetConfig",
    "check_payload",
    "commands",
    "masked",
    "parse_config",
]
