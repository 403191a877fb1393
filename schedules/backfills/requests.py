"""What a caller may ask of a backfill, and the rules that the request obeys."""

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
MAX_PACE = timedelta(days=1)  # with a longer one, 100 runs would take months: most likely a mistake
MAX_RUNS = 1_000_000  # of one backfill; at one run a second it would take eleven days
# The earliest start that an error offers is at least this much later than needed, as the history shrinks meanwhile.
START_MARGIN = timedelta(minutes=10)
# cancel_other and terminate_other are left out: with them, each instant of the range would stop the run before.
BACKFILL_OVERLAPS = (Overlap.BUFFER_ALL, Overlap.BUFFER_ONE, Overlap.SKIP, Overlap.ALLOW)


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """What a backfill is to run: the instants in (after, until] that `mode` selects, up to `max_runs` (None: all).

    `pace`: time between two starts; None opens up to `MAX_LIVE_RUNS` runs at once.
    """

    after: datetime
    until: datetime
    mode: BackfillMode = BackfillMode.ALL
    pace: timedelta | None = None
    overlap: Overlap = Overlap.BUFFER_ALL
    max_runs: int | None = None


def check(job: Job, request: BackfillRequest, now: datetime) -> None:
    """Raise InvalidDefinition (messages by field), JobConflict (a job without instants in the past) or CannotRead."""
    errors: dict[str, list[str]] = {}
    if request.until > now:
        errors["until"] = [
            "This is in the future: a backfill runs instants of the past. Give the present or an earlier instant."
        ]
    if request.after >= request.until:
        errors["after"] = ["The range is empty: after must be earlier than until."]
    kept_since = account.kept_since(now)
    if request.mode is not BackfillMode.ALL and request.after < kept_since:
        since = (kept_since + START_MARGIN + HOUR).replace(minute=0, second=0, microsecond=0)
        errors["after"] = [
            f"The history does not reach back to this instant: give {iso_text(since)} or a later one, or use mode all."
        ]
    if request.overlap not in BACKFILL_OVERLAPS:
        errors["overlap"] = [
            f"This must be one of {', '.join(BACKFILL_OVERLAPS)}: with any other, each run would stop the one before."
        ]
    if request.max_runs is not None and not 1 <= request.max_runs <= MAX_RUNS:
        errors["max_runs"] = [f"This must be a number from 1 to {MAX_RUNS:,}. Leave it out for no limit."]
    if request.pace is not None and not MIN_PACE <= request.pace <= MAX_PACE:
        errors["pace"] = [
            "The pace must be between 100ms and 1d. Leave pace out to start runs as fast as the limits allow."
        ]
    if errors:
        raise InvalidDefinition(errors)
    value_or_raise(job.readable_policies)
    if not is_predictable(job):
        raise JobConflict("The job has no schedule that names its instants in advance: there is nothing to backfill.")
