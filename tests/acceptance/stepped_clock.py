"""A beat whose clock a test can step, forwards and back, while the beat runs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from schedules.beat import JobScheduler

OFFSET = "TEST_CLOCK_OFFSET"  # names the file that holds the error of the beat's clock, in seconds


class SteppedScheduler(JobScheduler):
    """Adds the offset in the file to the time of the machine."""

    def read_clock(self) -> datetime:
        return super().read_clock() + timedelta(seconds=float(Path(os.environ[OFFSET]).read_text()))


def step(file: Path, seconds: float) -> None:
    """Set the error of the clock, in one step."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)
