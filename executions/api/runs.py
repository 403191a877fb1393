"""The API views of runs: list runs, get one run, get a run's log, retry a run, cancel a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from django.http import Http404
from django.urls import reverse
from pydantic import Field
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.paging import paginate
from access.api.parameters import PageParameters
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, visible
from executions import runs
from executions.api import examples
from executions.api.lists import RunFilters, page_of_runs, without_hidden_causes
from executions.api.shapes import LogPage, NoBody, RunDetail, RunPage, detail_of, log_line_of
from executions.models import LogLine, Run
from executions.states import RunStatus
from values import clock

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from access.api.views import Needs, Subjects
    from access.visibility import Caller


class RunListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("list_runs", parameters=RunFilters, responses={200: (RunPage, examples.RUN_PAGE)})
    def get(self, request: Request) -> Response:
        """List runs, the latest nominal instant first. The list includes skipped occurrences."""
        filters = RunFilters.read(request)
        return Response(page_of_runs(request, filters, filters.job).json_body())


class RunView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"run_id": Run}

    @operation("get_run", responses={200: (RunDetail, examples.RUN_DETAIL)}, errors=[404])
    def get(self, request: Request, run_id: UUID) -> Response:
        """Return a run with its events, its frozen definition, and its attempts including a running attempt."""
        return Response(detail_of(find_run(caller_of(request), run_id), clock.now()).json_body())


MAX_POSTGRES_INTEGER = 2**31 - 1  # a larger number would make the query fail
MAX_LINES_PER_PAGE = 1000  # a page is built in memory
DEFAULT_LINES_PER_PAGE = 200  # most runs log fewer lines, so one page is enough


class LogParameters(PageParameters):
    attempt: Annotated[int, Field(ge=1, le=MAX_POSTGRES_INTEGER)] | None = Field(
        None, description="Return only the lines of this attempt."
    )
    page_size: Annotated[int, Field(ge=1, le=MAX_LINES_PER_PAGE)] = Field(
        DEFAULT_LINES_PER_PAGE,
        description="Maximum number of lines on a page. A page of long lines has fewer.",
    )


class RunLogView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"run_id": Run}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("get_run_log", parameters=LogParameters, responses={200: (LogPage, examples.LOG_PAGE)}, errors=[404])
    def get(self, request: Request, run_id: UUID) -> Response:
        """List the log lines of a run, oldest first."""
        parameters = LogParameters.read(request)
        if not visible(Run, caller_of(request)).filter(pk=run_id).exists():
            raise Http404
        lines = visible(LogLine, caller_of(request)).filter(run_id=run_id)
        if parameters.attempt is not None:
            lines = lines.filter(attempt=parameters.attempt)
        page = paginate(request, lines, parameters, ["id"], large=["message"])
        results = [log_line_of(line) for line in page.rows]
        return Response(LogPage(next=page.next, previous=page.previous, results=results).json_body())


class RunRetryView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Run)]}
    subjects: ClassVar[Subjects] = {"run_id": Run}

    @operation(
        "retry_run",
        body=(NoBody, {"No body": {}}),
        responses={202: (RunDetail, {**examples.QUEUED_DETAIL, "origin": "retry", "retry_of": examples.RUN_ID})},
        errors=[404, 409],
        location_status=202,
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Retry an ended run: create a new run with the same frozen definition, and return the new run."""
        now = clock.now()
        read_body(request, NoBody)
        return accepted(runs.retry(find_run(caller_of(request), run_id), now, actor=actor_of(request)), now)


class RunCancelView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Run)]}
    subjects: ClassVar[Subjects] = {"run_id": Run}

    @operation(
        "cancel_run",
        body=(NoBody, {"No body": {}}),
        responses={200: (RunDetail, examples.CANCELLED_DETAIL), 202: (RunDetail, examples.RUNNING_DETAIL)},
        errors=[404, 409],
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Cancel a run. 200: the run is cancelled. 202: the run is still running and has a stop request."""
        now = clock.now()
        read_body(request, NoBody)
        status = runs.cancel(find_run(caller_of(request), run_id), now, actor=actor_of(request))
        body = detail_of(find_run(caller_of(request), run_id), now).json_body()
        return Response(body, status=202 if status is RunStatus.RUNNING else 200)


def find_run(caller: Caller, run_id: UUID) -> Run:
    """Return a run with its frozen definition. Raises Http404 if the run does not exist or is hidden from the caller.

    `caused_by` is None if it would name a run that is hidden from the caller.
    """
    found = without_hidden_causes(list(visible(Run, caller).select_related("spec").filter(pk=run_id)), caller)
    if not found:
        raise Http404
    return found[0]


def accepted(run: Run, now: datetime) -> Response:
    """Return a 202 response that contains a newly created run, with the run's URL in the Location header."""
    return Response(detail_of(run, now).json_body(), status=202, headers={"Location": reverse("run", args=[run.pk])})
