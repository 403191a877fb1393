"""The request for a backfill, and the function that checks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from executions.policies import Overlap
from schedules.backfills.expected import is_predictable
from schedules.exceptions import InvalidDefinition, JobConflict
from schedules.ledger import account
from schedules.models import BackfillMode, Job
from values.iso import iso_text
from values.readable import value_or_raise

HOUR = timedelta(hours=1)
MIN_PACE = timedelta(milliseconds=100)  # under load, beats and workers would not keep a shorter pace
MAX_PACE = timedelta(days=1)  # with a longer pace, 100 runs would take months: most likely a mistake
MAX_RUNS = 1_000_000  # of one backfill; at one run a second, such a backfill would take eleven days
# An error suggests a start that is at least this much later than the start of the history, which advances with time.
START_MARGIN = timedelta(minutes=10)
# cancel_other and terminate_other are excluded: each run of the backfill would stop the previous run.
BACKFILL_OVERLAPS = (Overlap.BUFFER_ALL, Overlap.BUFFER_ONE, Overlap.SKIP, Overlap.ALLOW)


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The request for a backfill: run the instants in (after, until] that `mode` selects, up to `max_runs` (None: all).

    `pace`: minimum time between the creation of two runs. None: only the number of live runs is limited.
    """

    after: datetime
    until: datetime
    mode: BackfillMode = BackfillMode.ALL
    pace: timedelta | None = None
    overlap: Overlap = Overlap.BUFFER_ALL
    max_runs: int | None = None


def check(job: Job, request: BackfillRequest, now: datetime) -> None:
    """Check the request of a backfill.

    Raises InvalidDefinition if a field of the request is wrong, CannotRead if the job's schedule or policies cannot be
    read, and JobConflict if the job has no predictable instants.
    """
    errors: dict[str, list[str]] = {}
    if request.until > now:
        errors["until"] = [
            "This is in the future, but a backfill runs only past instants. Give the current or an earlier time."
        ]
    if request.after >= request.until:
        errors["after"] = ["The range is empty: its start (after) must be earlier than its end (until)."]
    kept_since = account.kept_since(now)
    if request.mode is not BackfillMode.ALL and request.after < kept_since:
        since = (kept_since + START_MARGIN + HOUR).replace(minute=0, second=0, microsecond=0)
        errors["after"] = [
            f"The history begins later than this instant: give {iso_text(since)} or a later instant, or mode `all`."
        ]
    if request.overlap not in BACKFILL_OVERLAPS:
        errors["overlap"] = [
            f"This must be one of {', '.join(BACKFILL_OVERLAPS)}. Any other policy would stop earlier runs."
        ]
    if request.max_runs is not None and not 1 <= request.max_runs <= MAX_RUNS:
        errors["max_runs"] = [f"This must be a number from 1 to {MAX_RUNS:,}. Leave it out for no limit."]
    if request.pace is not None and not MIN_PACE <= request.pace <= MAX_PACE:
        errors["pace"] = [
            "The pace must be between 100ms and 1d. Without a pace, runs wait only for the overlap policy and limits."
        ]
    if errors:
        raise InvalidDefinition(errors)
    value_or_raise(job.readable_policies)
    if not is_predictable(job):
        raise JobConflict("A job without a schedule, or with a delay schedule, has no instants to backfill.")
