"""Targets: what a run does. Each kind of target is a file or a folder. `schedules` imports only the names below."""

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
