"""A beat whose clock a test can step, forwards and back, while it runs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from schedules.beat import JobScheduler

OFFSET = "TEST_CLOCK_OFFSET"  # names the file that holds by how many seconds the beat's clock is wrong


class SteppedScheduler(JobScheduler):
    def read_clock(self) -> datetime:
        return super().read_clock() + timedelta(seconds=float(Path(os.environ[OFFSET]).read_text()))


def step(file: Path, seconds: float) -> None:
    """Set the clock, all at once."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)
