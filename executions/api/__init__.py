"""The REST API of runs and commands. `schedules` imports only the names below."""

from executions.api.examples import JOB_ID, QUEUED_DETAIL, RUN_ID, RUN_PAGE
from executions.api.lists import JobRunFilters, page_of_runs
from executions.api.runs import accepted
from executions.api.shapes import UNREADABLE, JobName, NoBody, RunDetail, RunPage, milliseconds

__all__ = [
    "JOB_ID",
    "QUEUED_DETAIL",
    "RUN_ID",
    "RUN_PAGE",
    "UNREADABLE",
    "JobName",
    "JobRunFilters",
    "NoBody",
    "RunDetail",
    "RunPage",
    "accepted",
    "milliseconds",
    "page_of_runs",
]
