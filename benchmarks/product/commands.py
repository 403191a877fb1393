"""The command that the measured jobs call: it does nothing."""

from __future__ import annotations

from executions.targets.command import command

NOOP = "bench.noop"


@command(NOOP, description="Do nothing.")
def noop() -> None:
    """Return at once, so that what is measured is the way there and back."""
