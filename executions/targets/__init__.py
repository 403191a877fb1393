"""Targets: what a run does. Each kind of target is a file or a folder. `schedules` imports only the names below."""

from executions.targets.base import InvalidTarget, TargetConfig
from executions.targets.command.registry import commands
from executions.targets.kind_faults import TEMPLATE, Member, is_text
from executions.targets.loading import load_parts, template_faults
from executions.targets.registry import TARGETS, AnyTarget, check_payload, masked, parse_config
from executions.targets.wording import error_words

__all__ = [
    "TARGETS",
    "TEMPLATE",
    "AnyTarget",
    "InvalidTarget",
    "Member",
    "TargetConfig",
    "check_payload",
    "commands",
    "error_words",
    "is_text",
    "load_parts",
    "masked",
    "parse_config",
    "template_faults",
]
