"""The `command` target: a registered Python function, called with the job's payload.

A module of commands imports all that it needs from here: the decorator, the type of the context, and the exceptions for
a failure that is final or that is retried at a given time.
"""

from executions.targets.command.context import CommandContext
from executions.targets.command.exceptions import PermanentFailure, RetryLater
from executions.targets.command.registry import command

__all__ = ["CommandContext", "PermanentFailure", "RetryLater", "command"]
