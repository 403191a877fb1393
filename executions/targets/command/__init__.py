"""The `command` target: a registered Python function, called with the job's payload.

A module that defines commands needs only the names below: the decorator, the type of the context, and the exceptions
for a permanent failure and for a retry after a given delay.
"""

from executions.targets.command.context import CommandContext
from executions.targets.command.exceptions import PermanentFailure, RetryLater
from executions.targets.command.registry import command

__all__ = ["CommandContext", "PermanentFailure", "RetryLater", "command"]
