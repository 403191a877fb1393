"""The admin pages of runs, and functions that show runs and targets on other admin pages."""

from executions.admin import runs
from executions.admin.detail import ordered, timeout_words
from executions.admin.rows import rows_of_job, rows_with_status, tile
from executions.admin.shown import run_badge, run_url
from executions.admin.targets import target_words

__all__ = [
    "ordered",
    "rows_of_job",
    "rows_with_status",
    "run_badge",
    "run_url",
    "runs",
    "target_words",
    "tile",
    "timeout_words",
]
