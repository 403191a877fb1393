"""Reads the admin's forms that pause and resume jobs, and counts the runs that resuming will start."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from access.admin.lists import counted
from schedules.admin.viewer_instants import read_viewer_instant
from schedules.clock.policies.resumption import DEFAULT_MAX_STARTS, MAX_COUNTED, Resumption
from schedules.models import JobState
from schedules.pauses import resuming
from schedules.pauses.terms import PauseTerms, read_reason
from values import instants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schedules.models import Job

MAX_JOBS_COUNTED = 200  # on one page: each job needs four previews, which together take some milliseconds
RESUMPTION_LABELS = {
    Resumption.NONE: "No occurrence",
    Resumption.FIRST: "The first occurrence",
    Resumption.LAST: "The last occurrence",
    Resumption.ALL: "All occurrences",
}
AFTER_PAUSE = {
    Resumption.NONE: "Occurrences during the pause do not run.",
    Resumption.FIRST: "When the pause ends, the first occurrence during the pause will run.",
    Resumption.LAST: "When the pause ends, the last occurrence during the pause will run.",
    Resumption.ALL: "When the pause ends, the occurrences during the pause will run, at most the latest "
    f"{DEFAULT_MAX_STARTS}.",
}


def in_words(terms: PauseTerms, now: datetime) -> str:
    """Return the text about a pause for the admin's log, with the end and the reason of the pause, if given."""
    until = f" until {instants.exact_text(terms.until, now)}" if terms.until else ""
    return f"Paused{until}{': ' + terms.reason if terms.reason else '.'}"


def read_terms(values: Mapping[str, Any], now: datetime) -> PauseTerms:
    """Return the terms of the pause in the form. The form's “Until” is in the viewer's time zone.

    Raises ValueError with a sentence for the user.
    """
    text = str(values.get("until", "")).strip()
    until = read_viewer_instant("“Until”", text) if text else None
    terms = PauseTerms(read_reason(str(values.get("reason", ""))), until, read_choice(values))
    if terms.is_over(now):
        raise ValueError("“Until” must be in the future: enter a later time, or leave the field empty.")
    if terms.lacks_end:
        raise ValueError(
            "Occurrences can run at the end of the pause only if the pause has an end: fill in “Until”, or choose “No "
            "occurrence”."
        )
    return terms


def read_choice(values: Mapping[str, Any]) -> Resumption:
    """Return which occurrences during the pause will run; none of them if the form does not say.

    Raises ValueError with a sentence for the user.
    """
    wanted = str(values.get("catch_up", "")) or Resumption.NONE
    if wanted not in Resumption.__members__.values():
        raise ValueError("The occurrences to run must be one of the choices in the list: choose again.")
    return Resumption(wanted)


def choices(jobs: Sequence[Job], now: datetime) -> dict[str, Any]:
    """Return the context of a page that pauses or resumes these jobs.

    For a page that resumes, the context contains the number of occurrences that were due during the pauses, and the
    number of runs that each choice will start. Only the first `MAX_JOBS_COUNTED` paused jobs are counted.
    """
    paused = [job for job in jobs if job.state == JobState.PAUSED and job.is_readable]
    budget, n_occurrences = MAX_COUNTED, 0
    n_started = dict.fromkeys(Resumption, 0)
    for job in paused[:MAX_JOBS_COUNTED]:
        for mode in Resumption:
            found = resuming.preview(job, now, mode, count_limit=budget if mode is Resumption.NONE else 0)
            n_started[mode] += found.n_would_start
            n_occurrences += found.n_occurrences if mode is Resumption.NONE else 0
        budget = max(MAX_COUNTED - n_occurrences, 0)
    is_partial = len(paused) > MAX_JOBS_COUNTED
    is_more = n_occurrences > MAX_COUNTED or is_partial
    return {
        "n_due_text": _due_text(min(n_occurrences, MAX_COUNTED), is_more=is_more),
        "choices": [
            {
                "value": mode.value,
                "label": label,
                "starts": starts_text(n_started[mode], is_more=is_partial and mode is not Resumption.NONE),
            }
            for mode, label in RESUMPTION_LABELS.items()
        ],
        "is_choice": n_occurrences > 0 or is_partial,
        "max_starts": DEFAULT_MAX_STARTS,
    }


def _due_text(n: int, *, is_more: bool) -> str:
    if is_more and not n:
        return f"Among the first {MAX_JOBS_COUNTED} jobs, no occurrence was due during the pause."
    if is_more:
        return f"{n:,} or more occurrences were due during the pause."
    if not n:
        return "No occurrence was due during the pause."
    return f"{counted(n, 'occurrence')} {'was' if n == 1 else 'were'} due during the pause."


def starts_text(n: int, *, is_more: bool) -> str:
    """Return a text such as `3 runs will start`. `is_more`: `n` is only the minimum number of runs."""
    if is_more:
        return f"{n:,} or more runs will start" if n else "some runs may start"
    return f"{counted(n, 'run')} will start" if n else "no run will start"
