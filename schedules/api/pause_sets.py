"""Views of pause sets (pauses of all jobs that a filter matches): create, preview, list, read and undo them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from pydantic import Field
from rest_framework.response import Response

from access.api.paging import paginate
from access.api.parameters import PageParameters
from access.api.schema import PageShape, Shape, operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, visible
from schedules import models
from schedules.api.bodies import read_pause, read_resume
from schedules.api.shapes import Pause, Resume
from schedules.clock.policies.resumption import Resumption
from schedules.jobs.selection import Selection
from schedules.models import Job, PauseSetState
from schedules.pauses import pause_sets
from values import clock

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class ManyPause(Pause):
    """The jobs to pause, and the terms of the pause. A job that is already paused keeps its own pause."""

    filter: Selection = Field(
        description="The filter of the jobs to pause. A job must match every member; `{}` matches every job."
    )
    dry_run: Annotated[bool, Field(strict=True)] = Field(
        False, description="If true, change nothing and return the number of active jobs that the filter matches."
    )


class PauseSetPreview(Shape):
    """The preview of a pause set."""

    dry_run: Literal[True]
    n_jobs: int = Field(description="Number of active jobs that the filter matches.")


class UndoPreview(Shape):
    """The preview of undoing a pause set."""

    dry_run: Literal[True]
    n_jobs: int = Field(
        description="Number of jobs that the undo would resume: the jobs that this pause set still pauses. A job "
        "whose schedule cannot be read stays paused and is not counted. But only the first "
        f"{pause_sets.MAX_JOBS_PREVIEWED} jobs are checked for this."
    )
    n_would_start: int = Field(
        description=f"Number of runs that would start, counted for the first {pause_sets.MAX_JOBS_PREVIEWED} jobs."
    )
    is_more: bool = Field(
        description="Whether `n_would_start` may be too low, because it was counted for the first jobs only."
    )


class PauseSet(Shape):
    """A pause set: one pause of all jobs that a filter matched, and its progress."""

    id: UUID
    actor: str = Field(description="Who paused the jobs.")
    reason: str | None
    filter: Selection = Field(description="The filter that selected the jobs.")
    until: datetime | None = Field(
        description="When the pause ends by itself; null if it lasts until the jobs are resumed."
    )
    catch_up: Resumption = Field(description="Which occurrences during the pause are started at its end (`until`).")
    state: PauseSetState = Field(
        description="`pausing`: jobs are still being paused. `paused`: pausing is complete. `undoing`: jobs are still "
        "being resumed. `undone`: resuming is complete."
    )
    n_jobs: int = Field(description="Number of active jobs that the filter matched at `created_at`.")
    n_paused: int = Field(description="Number of jobs paused so far.")
    n_resumed: int = Field(description="Number of jobs resumed so far by undoing the pause.")
    created_at: datetime
    undone_by: str | None = Field(description="Who undid the pause; null if nobody has undone it.")
    undone_at: datetime | None


class PauseSetPage(PageShape):
    results: list[PauseSet]


PAUSE_REQUESTS: dict[str, Any] = {
    "Preview": {"filter": {"search": "billing"}, "dry_run": True},
    "Until Monday": {
        "filter": {"search": "billing", "target_kind": "http"},
        "reason": "Maintenance of the billing system",
        "until": "2999-03-01T06:00:00Z",
    },
}
PAUSE_EXAMPLE: dict[str, Any] = {
    "id": "019a9f93-2200-7b61-9c22-4a1b6d7e8f90",
    "actor": "ann",
    "reason": "Maintenance of the billing system",
    "filter": {"target_kind": "http", "name": None, "search": "billing", "ids": None},
    "until": "2999-03-01T06:00:00Z",
    "catch_up": "none",
    "state": "paused",
    "n_jobs": 42,
    "n_paused": 42,
    "n_resumed": 0,
    "created_at": "2026-11-20T12:00:00Z",
    "undone_by": None,
    "undone_at": None,
}
UNDONE_EXAMPLE = {
    **PAUSE_EXAMPLE,
    "state": "undone",
    "n_resumed": 41,
    "undone_by": "ann",
    "undone_at": "2026-11-20T14:00:00Z",
}
UNDO_REQUESTS: dict[str, Any] = {
    "Preview": {"catch_up": "last", "dry_run": True},
    "Start none of the occurrences": {},
}


class ManyPauseView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}

    @operation(
        "pause_jobs",
        body=(ManyPause, PAUSE_REQUESTS),
        responses={200: (PauseSetPreview, {"dry_run": True, "n_jobs": 42}), 202: (PauseSet, PAUSE_EXAMPLE)},
        location_status=202,
    )
    def post(self, request: Request) -> Response:
        """Pause all active jobs that a filter matches. With `dry_run`, count these jobs and change nothing.

        The request itself pauses the first jobs. The beats pause the other jobs in small steps.
        """
        now = clock.now()
        body = read_pause(request, ManyPause, now)
        if body.dry_run:
            n_jobs = pause_sets.count(body.filter, now, caller_of(request))
            return Response(PauseSetPreview(dry_run=True, n_jobs=n_jobs).json_body())
        started = pause_sets.start(
            body.filter,
            now,
            actor=actor_of(request),
            terms=body.terms,
            caller=caller_of(request),
        )
        location = reverse("pause-set", args=[started.pk])
        return Response(_shape_of(started).json_body(), status=202, headers={"Location": location})


class PauseSetListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation(
        "list_pauses",
        parameters=PageParameters,
        responses={200: (PauseSetPage, {"next": None, "previous": None, "results": [PAUSE_EXAMPLE]})},
    )
    def get(self, request: Request) -> Response:
        """List pause sets, newest first. A pause set is one pause of many jobs."""
        page = paginate(request, visible(models.PauseSet, caller_of(request)), PageParameters.read(request))
        results = [_shape_of(row) for row in page.rows]
        return Response(PauseSetPage(next=page.next, previous=page.previous, results=results).json_body())


class PauseSetView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"pause_id": models.PauseSet}

    @operation("get_pause", responses={200: (PauseSet, PAUSE_EXAMPLE)}, errors=[404])
    def get(self, request: Request, pause_id: UUID) -> Response:
        """Return a pause set (one pause of many jobs) and its progress."""
        return Response(
            _shape_of(get_object_or_404(visible(models.PauseSet, caller_of(request)), pk=pause_id)).json_body()
        )


class PauseSetUndoView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"pause_id": models.PauseSet}

    @operation(
        "undo_pause",
        body=(Resume, UNDO_REQUESTS),
        responses={
            200: (UndoPreview, {"dry_run": True, "n_jobs": 41, "n_would_start": 41, "is_more": False}),
            202: (PauseSet, UNDONE_EXAMPLE),
        },
        errors=[404, 409],
    )
    def post(self, request: Request, pause_id: UUID) -> Response:
        """Undo a pause set: resume the jobs that it paused. With `dry_run`, return a preview and change nothing.

        A job that has been resumed or paused again in the meantime stays unchanged. A job whose schedule cannot be read
        stays paused.
        """
        now = clock.now()
        body = read_resume(request)
        pause_set = get_object_or_404(visible(models.PauseSet, caller_of(request)), pk=pause_id)
        if body.dry_run:
            choice, caller = body.catch_up, caller_of(request)
            preview = pause_sets.preview_undo(pause_set, now, [choice], body.max_runs, caller=caller)[choice]
            shape = UndoPreview(
                dry_run=True,
                n_jobs=preview.n_jobs,
                n_would_start=preview.n_would_start,
                is_more=preview.is_more,
            )
            return Response(shape.json_body())
        undone = pause_sets.undo(pause_id, now, actor=actor_of(request), catch_up=body.catch_up, max_runs=body.max_runs)
        return Response(_shape_of(undone).json_body(), status=202)


def _shape_of(row: models.PauseSet) -> PauseSet:
    return PauseSet(
        id=row.pk,
        actor=row.actor,
        reason=row.reason or None,
        filter=Selection.model_validate(row.selection),
        until=row.until_at,
        catch_up=Resumption(row.catch_up),
        state=PauseSetState(row.state),
        n_jobs=row.n_jobs,
        n_paused=row.n_paused,
        n_resumed=row.n_resumed,
        created_at=row.created_at,
        undone_by=row.undone_by or None,
        undone_at=row.undone_at,
    )
