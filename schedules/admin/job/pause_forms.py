"""Pauses in the admin: what their forms say and take, and what resuming would start, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from access.admin.lists import counted
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, MAX_COUNTED, Resumption
from schedules.clock.reading.members import read_instant
from schedules.models import JobState
from schedules.pauses import resuming
from schedules.triggers import read_reason
from values import instants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schedules.models import Job

MOST_JOBS = 200  # whose occurrences are counted for one page
CHOICES = {
    Resumption.NONE: "None of them",
    Resumption.FIRST: "The first one",
    Resumption.LAST: "The last one",
    Resumption.ALL: "All of them",
}
THEN = {
    Resumption.NONE: "What comes due meanwhile does not run.",
    Resumption.FIRST: "When it ends, the first of what came due meanwhile runs.",
    Resumption.LAST: "When it ends, the last of what came due meanwhile runs.",
    Resumption.ALL: f"When it ends, all that came due meanwhile runs, up to {DEFAULT_MAX_STARTS}.",
}


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """What somebody asked for."""

    reason: str
    until: datetime | None
    catch_up: Resumption

    def in_words(self, now: datetime) -> str:
        """The same for the admin's log."""
        until = f" until {instants.exact_text(self.until, now)}" if self.until else ""
        return f"Paused{until}{': ' + self.reason if self.reason else '.'}"


def read_terms(values: Mapping[str, Any], now: datetime) -> PauseTerms:
    """Read the form of a pause. Raises ValueError with a sentence; an instant is in the viewer's zone."""
    text = str(values.get("until", "")).strip()
    until = read_until(text) if text else None
    if until and until <= now:
        raise ValueError("The end of the pause is not in the future.")
    catch_up = read_choice(values)
    if until is None and catch_up is not Resumption.NONE:
        raise ValueError("Say until when, or choose to run none: who resumes by hand is asked what runs then.")
    return PauseTerms(read_reason(str(values.get("reason", ""))), until, catch_up)


def read_until(text: str) -> datetime:
    """Read an instant in the viewer's zone. Raises ValueError with a sentence."""
    try:
        return read_instant(text, str(timezone.get_current_timezone()))
    except ValueError as error:
        raise ValueError(f"The end of the pause {str(error).rstrip('.')}.") from error


def read_choice(values: Mapping[str, Any]) -> Resumption:
    """Read what is to start of a pause; nothing for what nobody can have chosen."""
    wanted = str(values.get("catch_up", ""))
    return Resumption(wanted) if wanted in Resumption.__members__.values() else Resumption.NONE


def choices(jobs: Sequence[Job], now: datetime) -> dict[str, Any]:
    """How many occurrences fell into the pauses of these jobs, and what each choice would start."""
    paused = [job for job in jobs if job.state == JobState.PAUSED and job.is_readable]
    budget, n_occurrences = MAX_COUNTED, 0
    n_started = dict.fromkeys(Resumption, 0)
    for job in paused[:MOST_JOBS]:
        for mode in Resumption:
            found = resuming.preview(job, now, mode, count_limit=budget if mode is Resumption.NONE else 0)
            n_started[mode] += found.n_would_start
            n_occurrences += found.n_occurrences if mode is Resumption.NONE else 0
        budget = max(MAX_COUNTED - n_occurrences, 0)
    is_more = n_occurrences > MAX_COUNTED or len(paused) > MOST_JOBS
    return {
        "fell": _fell(min(n_occurrences, MAX_COUNTED), is_more=is_more),
        "choices": [
            {"value": mode.value, "label": label, "starts": starts(n_started[mode], is_more=len(paused) > MOST_JOBS)}
            for mode, label in CHOICES.items()
        ],
        "is_choice": n_occurrences > 0,
        "most_started": DEFAULT_MAX_STARTS,
    }


def _fell(n: int, *, is_more: bool) -> str:
    if is_more:
        return f"While paused, more than {n:,} occurrences fell due."
    return f"While paused, {counted(n, 'occurrence')} fell due." if n else "Nothing fell due while paused."


def starts(n: int, *, is_more: bool) -> str:
    """How many runs a choice would start, in words."""
    if is_more:
        return f"{n:,} or more will start" if n else "none will start"
    return f"{n:,} will start" if n else "none will start"
