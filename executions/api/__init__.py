"""The REST API of runs and commands. `schedules` imports only the names below."""

from executions.api.examples import JOB_ID, JOB_RUN_PAGE, QUEUED_DETAIL, RUN_ID
from executions.api.lists import JobRunFilters, page_of_job_runs
from executions.api.runs import accepted
from executions.api.shapes import UNREADABLE, JobName, JobRunPage, NoBody, RunDetail, milliseconds

__all__ = [
    "JOB_ID",
    "JOB_RUN_PAGE",
    "QUEUED_DETAIL",
    "RUN_ID",
    "UNREADABLE",
    "JobName",
    "JobRunFilters",
    "JobRunPage",
    "NoBody",
    "RunDetail",
    "accepted",
    "milliseconds",
    "page_of_job_runs",
]
