"""Three example commands, for the tutorial and for trying Mainspring."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from executions.targets.command import CommandContext, PermanentFailure, command


@command("demo.echo", description="Return the message, after logging it.")
def echo(context: CommandContext, message: str = "Hello from Mainspring") -> dict[str, object]:
    """Return the message, the job's name and the number of the attempt."""
    context.log(message)
    return {"message": message, "job": context.job_name, "attempt": context.attempt}


@command("demo.sleep", description="Sleep for some seconds, with a line of progress every second.")
def sleep(context: CommandContext, seconds: Annotated[float, Field(ge=0, le=86400)] = 5) -> dict[str, object]:
    """Sleep for this many seconds, and log a line each second. End early if `should_stop` returns a reason."""
    started = time.monotonic()
    while (slept := time.monotonic() - started) < seconds:
        if reason := context.should_stop():
            context.log(f"Stopping after {slept:.0f} s: {reason}.", "warning")
            break
        context.log(
            f"Slept {int(slept)} of {seconds:g} s, "
            f"{context.remaining() // timedelta(seconds=1)} s left before the timeout."
        )
        next_line = min(int(slept) + 1, seconds)  # not a second from now: the lines would become later and later
        time.sleep(max(0.0, started + next_line - time.monotonic()))
    return {"slept": round(time.monotonic() - started, 1)}


@command("demo.fail", description="Fail, to show what a failure and its retries look like.")
def fail(context: CommandContext, message: str = "Failed on request.", permanent: bool = False) -> None:
    """Raise an error after which the run may be retried; with `permanent`, raise PermanentFailure."""
    context.log(f"Attempt {context.attempt} is about to fail.", "warning")
    if permanent:
        raise PermanentFailure(message)
    raise RuntimeError(message)
