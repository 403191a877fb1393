"""Run history: lists, counts, partitions and retention. `schedules` imports only the names below."""

from executions.history.by_instant import InstantState, count_by_status, count_live, instant_states
from executions.history.by_job import (
    append_event,
    jobs_failed_in_a_row,
    last_scheduled_at,
    occurrence_rows,
    occurrence_rows_of_jobs,
)
from executions.history.newest import (
    count_live_of_job,
    count_with_status,
    has_waited_since,
    latest_runs,
    runs_of_job,
    runs_with_status,
)
from executions.history.occurrence import Record
from executions.history.pruned import latest_pruned
from executions.history.waits import waiting_reasons, waiting_reasons_by_id
from executions.models.pruned import PrunedRun, forget

__all__ = [
    "InstantState",
    "PrunedRun",
    "Record",
    "append_event",
    "count_by_status",
    "count_live",
    "count_live_of_job",
    "count_with_status",
    "forget",
    "has_waited_since",
    "instant_states",
    "jobs_failed_in_a_row",
    "last_scheduled_at",
    "latest_pruned",
    "latest_runs",
    "occurrence_rows",
    "occurrence_rows_of_jobs",
    "runs_of_job",
    "runs_with_status",
    "waiting_reasons",
    "waiting_reasons_by_id",
]
