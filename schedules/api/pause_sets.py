"""Pauses of many jobs: by filter, foreseen, watched, and undone as exactly that set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import reverse
from pydantic import Field
from rest_framework.response import Response

from access.api.paging import paginate
from access.api.parameters import PageParameters
from access.api.schema import Shape, operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, visible
from schedules.api.bodies import read_pause, read_resume
from schedules.api.shapes import Pause, Resume
from schedules.clock.policies.resumption import Resumption
from schedules.jobs.selection import Selection
from schedules.models import Job, PauseSet, PauseSetState
from schedules.pauses import pause_sets

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class ManyPause(Pause):
    """Which jobs are paused, why, and for how long. Those that are paused already stay as they are."""

    filter: Selection = Field(description="Jobs that all of its members are true of. `{}`: every job.")
    dry_run: Annotated[bool, Field(strict=True)] = Field(False, description="Pause nothing: say how many it would be.")


class ManyForesight(Shape):
    """What the pause of many jobs would do."""

    dry_run: Literal[True]
    n_jobs: int = Field(description="Active jobs that it would pause.")


class UndoForesight(Shape):
    """What undoing would do."""

    dry_run: Literal[True]
    n_jobs: int = Field(description="Jobs that it would resume: those that are paused by this set still.")
    n_would_start: int = Field(description="Runs that would start, of the first 1000 of these jobs.")
    is_more: bool = Field(description="Whether there are more jobs than those.")


class PauseSetShape(Shape):
    """A pause of many jobs, and how far it has come."""

    id: UUID
    actor: str
    reason: str | None
    filter: Selection
    until: datetime | None
    catch_up: Resumption
    state: PauseSetState
    n_jobs: int = Field(description="Jobs that the filter matched when it was given.")
    n_paused: int
    n_resumed: int = Field(description="Jobs that undoing has resumed.")
    created_at: datetime
    undone_by: str | None
    undone_at: datetime | None


class PauseSetPage(Shape):
    next: str | None
    previous: str | None
    results: list[PauseSetShape]


class PauseSetFilters(PageParameters):
    """What pauses can be filtered by."""


MANY: dict[str, Any] = {
    "How many it would be": {"filter": {"search": "billing"}, "dry_run": True},
    "Until Monday": {
        "filter": {"search": "billing", "target_kind": "http"},
        "reason": "Maintenance of the billing system",
        "until": "2999-03-01T06:00:00Z",
    },
}
EXAMPLE: dict[str, Any] = {
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
UNDONE = {**EXAMPLE, "state": "undone", "n_resumed": 41, "undone_by": "ann", "undone_at": "2026-11-20T14:00:00Z"}
UNDOS: dict[str, Any] = {
    "What it would start": {"catch_up": "last", "dry_run": True},
    "Nothing of the pause starts": {},
}


class ManyPauseView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}

    @operation(
        "pause_jobs",
        body=(ManyPause, MANY),
        responses={200: (ManyForesight, {"dry_run": True, "n_jobs": 42}), 202: (PauseSetShape, EXAMPLE)},
        location_status=202,
    )
    def post(self, request: Request) -> Response:
        """Pause every active job that a filter matches. Of many, some are paused now and the others bit by bit."""
        now = datetime.now(UTC)
        asked = read_pause(request, ManyPause, now)
        if asked.dry_run:
            n_jobs = pause_sets.count(asked.filter, now, caller_of(request))
            return Response(ManyForesight(dry_run=True, n_jobs=n_jobs).json_body())
        made = pause_sets.start(
            asked.filter,
            now,
            actor=actor_of(request),
            caller=caller_of(request),
            reason=asked.reason,
            until=asked.until,
            catch_up=asked.catch_up,
        )
        location = reverse("pause-set", args=[made.pk])
        return Response(_shown(made).json_body(), status=202, headers={"Location": location})


class PauseSetListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation(
        "list_pauses",
        parameters=PauseSetFilters,
        responses={200: (PauseSetPage, {"next": None, "previous": None, "results": [EXAMPLE]})},
    )
    def get(self, request: Request) -> Response:
        """All pauses of many jobs, the newest first."""
        page = paginate(request, visible(PauseSet, caller_of(request)), PauseSetFilters.read(request))
        results = [_shown(row) for row in page.rows]
        return Response(PauseSetPage(next=page.next, previous=page.previous, results=results).json_body())


class PauseSetView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"pause_id": PauseSet}

    @operation("get_pause", responses={200: (PauseSetShape, EXAMPLE)}, errors=[404])
    def get(self, request: Request, pause_id: UUID) -> Response:
        """One pause of many jobs, and how far it has come."""
        return Response(_shown(get_object_or_404(visible(PauseSet, caller_of(request)), pk=pause_id)).json_body())


class PauseSetUndoView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"pause_id": PauseSet}

    @operation(
        "undo_pause",
        body=(Resume, UNDOS),
        responses={
            200: (UndoForesight, {"dry_run": True, "n_jobs": 41, "n_would_start": 41, "is_more": False}),
            202: (PauseSetShape, UNDONE),
        },
        errors=[404, 409],
    )
    def post(self, request: Request, pause_id: UUID) -> Response:
        """Resume exactly the jobs that this pause paused, and that nobody has resumed or paused anew since."""
        now = datetime.now(UTC)
        asked = read_resume(request)
        found = get_object_or_404(visible(PauseSet, caller_of(request)), pk=pause_id)
        if asked.dry_run:
            foreseen = pause_sets.preview_undo(found, now, asked.catch_up, asked.max_runs, caller=caller_of(request))
            shape = UndoForesight(
                dry_run=True,
                n_jobs=foreseen.n_jobs,
                n_would_start=foreseen.n_would_start,
                is_more=foreseen.is_more,
            )
            return Response(shape.json_body())
        undone = pause_sets.undo(
            pause_id, now, actor=actor_of(request), catch_up=asked.catch_up, max_runs=asked.max_runs
        )
        return Response(_shown(undone).json_body(), status=202)


def _shown(row: PauseSet) -> PauseSetShape:
    return PauseSetShape(
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
