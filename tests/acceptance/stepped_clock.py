"""The Celery application of a machine whose clock a test can step, forwards and back, while its processes run."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scheduler_project.celery import app
from values.clock import machine_clock

__all__ = ["OFFSET", "app", "step"]

OFFSET = "TEST_CLOCK_OFFSET"  # names the file that holds the error of the machine's clock, in seconds


def step(file: Path, seconds: float) -> None:
    """Set the error of the clock, in one step."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)


def _read() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(Path(os.environ[OFFSET]).read_text()))


if OFFSET in os.environ:
    wrong_clock: Any = machine_clock
    wrong_clock.read = _read
