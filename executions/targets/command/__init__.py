"""The `command` target: a registered Python function, called with the job's payload.

What a module of commands needs is all here: the decorator, the context's type and the two ways to fail on purpose.
"""

from executions.targets.command.context import CommandContext
from executions.targets.command.exceptions import PermanentFailure, RetryLater
from executions.targets.command.registry import command

__all__ = ["CommandContext", "PermanentFailure", "RetryLater", "command"]
