"""Signals of a process that has started stores."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def unwind_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise SystemExit. An exception, unlike the default action, stops the stores in order."""
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGHUP, _exit_on_signal)


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
