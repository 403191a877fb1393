"""What a run does: one file (or folder) for each kind of target. Other packages import their names from here."""

from executions.targets.base import InvalidTarget
from executions.targets.command.registry import commands
from executions.targets.registry import TARGETS, AnyTarget, masked, parse, parse_config

__all__ = ["TARGETS", "AnyTarget", "InvalidTarget", "commands", "masked", "parse", "parse_config"]
