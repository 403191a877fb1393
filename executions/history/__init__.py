"""Past runs: lists, statistics, partitions and retention. Other packages import their names from here."""

from executions.history.by_instant import Standing, count_by_status, count_live, standings
from executions.history.by_job import last_of_schedule, note, recorded, recorded_of
from executions.history.newest import (
    count_live_of_job,
    count_with_status,
    has_waited_since,
    latest_runs,
    runs_of_job,
    runs_with_status,
)
from executions.history.occurrence import Record
from executions.history.waits import waiting_reasons, waiting_reasons_by_id

__all__ = [
    "Record",
    "Standing",
    "count_by_status",
    "count_live",
    "count_live_of_job",
    "count_with_status",
    "has_waited_since",
    "last_of_schedule",
    "latest_runs",
    "note",
    "recorded",
    "recorded_of",
    "runs_of_job",
    "runs_with_status",
    "standings",
    "waiting_reasons",
    "waiting_reasons_by_id",
]
