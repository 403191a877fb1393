"""What is to be done about jobs at an instant, beside their occurrences. Each chore is one pass over what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schedules import pauses

if TYPE_CHECKING:
    from datetime import datetime

JOBS_A_PASS = 200  # what is due meanwhile waits for them


@dataclass(frozen=True, slots=True)
class Chores:
    """How much was done, and whether there may be more."""

    n_done: int = 0
    more: bool = False


NO_CHORES = Chores()


def do_chores(now: datetime, limit: int) -> Chores:
    """Do what is due: end the pauses that are over by themselves."""
    limit = min(limit, JOBS_A_PASS)
    n_resumed = pauses.end_expired(now, limit)
    return Chores(n_resumed, more=n_resumed >= limit)
