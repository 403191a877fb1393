"""Backfills: asking for a range of a job's past, foreseeing it, watching it, ending it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.paging import paginate
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, visible
from executions.api import NoBody
from schedules.api.backfill_shapes import (
    ASKED,
    DETAIL,
    EXAMPLE,
    FORESIGHT,
    BackfillDetail,
    BackfillFilters,
    BackfillForesight,
    BackfillPage,
    BackfillRequest,
    backfill_of,
    detail_of,
    foresight_of,
)
from schedules.api.jobs import find_job
from schedules.backfills import backfill
from schedules.models import Backfill, Job

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class JobBackfillView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "backfill_job",
        body=(BackfillRequest, ASKED),
        responses={200: (BackfillForesight, FORESIGHT), 202: (BackfillDetail, DETAIL)},
        errors=[404, 409],
        location_status=202,
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Carry out instants of the past: their runs are opened bit by bit, with `origin` `backfill`.

        An instant for which there was a backfill already is carried out again by a retry of that run.
        """
        now = datetime.now(UTC)
        asked = read_body(request, BackfillRequest)
        if asked.dry_run:
            return Response(foresight_of(backfill.preview(find_job(request, job_id), asked.wanted(), now)).json_body())
        made = backfill.start(job_id, asked.wanted(), now, actor=actor_of(request))
        location = reverse("backfill", args=[made.pk])
        return Response(detail_of(made).json_body(), status=202, headers={"Location": location})


class JobBackfillListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation(
        "list_job_backfills",
        parameters=BackfillFilters,
        responses={200: (BackfillPage, {"next": None, "previous": None, "results": [EXAMPLE]})},
        errors=[404],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """The backfills of a job, the newest first."""
        filters = BackfillFilters.read(request)
        find_job(request, job_id)
        page = paginate(request, visible(Backfill, caller_of(request)).filter(job_id=job_id), filters)
        results = [backfill_of(row) for row in page.rows]
        return Response(BackfillPage(next=page.next, previous=page.previous, results=results).json_body())


class BackfillView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"backfill_id": Backfill}

    @operation("get_backfill", responses={200: (BackfillDetail, DETAIL)}, errors=[404])
    def get(self, request: Request, backfill_id: UUID) -> Response:
        """One backfill, and how far it has come."""
        return Response(detail_of(get_object_or_404(visible(Backfill, caller_of(request)), pk=backfill_id)).json_body())


class BackfillCancelView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"backfill_id": Backfill}

    @operation(
        "cancel_backfill",
        body=(NoBody, {"No body": {}}),
        responses={200: (BackfillDetail, {**DETAIL, "state": "cancelled", "finished_at": "2026-11-20T12:00:30Z"})},
        errors=[404, 409],
    )
    def post(self, request: Request, backfill_id: UUID) -> Response:
        """Open no more runs, and cancel those that have not begun. What runs goes on."""
        read_body(request, NoBody)
        get_object_or_404(visible(Backfill, caller_of(request)), pk=backfill_id)
        return Response(detail_of(backfill.cancel(backfill_id, datetime.now(UTC), actor=actor_of(request))).json_body())
