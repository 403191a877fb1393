"""The command of the measured jobs, which does nothing."""

from __future__ import annotations

from benchmarks.product.command_names import NOOP
from executions.targets.command import command


@command(NOOP, description="Do nothing.")
def noop() -> None:
    """Do nothing, so that the figures show only the cost of the engine."""
