"""Views of backfills: start, preview, list, read and cancel them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.paging import paginate
from access.api.parameters import PageParameters
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, visible
from executions.api import NoBody
from schedules.api.backfill_shapes import (
    BACKFILL_DETAIL,
    BACKFILL_EXAMPLE,
    BACKFILL_PREVIEW,
    BACKFILL_REQUESTS,
    BackfillDetail,
    BackfillPage,
    BackfillPreview,
    BackfillRequest,
    backfill_of,
    detail_of,
    preview_of,
)
from schedules.api.jobs import find_job
from schedules.backfills import backfill
from schedules.models import Backfill, Job
from values import clock

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class JobBackfillView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "backfill_job",
        body=(BackfillRequest, BACKFILL_REQUESTS),
        responses={200: (BackfillPreview, BACKFILL_PREVIEW), 202: (BackfillDetail, BACKFILL_DETAIL)},
        errors=[404, 409],
        location_status=202,
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Run a job for past instants of its schedule. With `dry_run`, return a preview and change nothing.

        The beats create the runs step by step, with `origin` `backfill`. If an earlier backfill has created a run for
        an instant, the new run repeats that run and has `origin` `retry`.
        """
        now = clock.now()
        body = read_body(request, BackfillRequest)
        if body.dry_run:
            return Response(preview_of(backfill.preview(find_job(request, job_id), body.to_request(), now)).json_body())
        started = backfill.start(job_id, body.to_request(), now, actor=actor_of(request))
        location = reverse("backfill", args=[started.pk])
        return Response(detail_of(started).json_body(), status=202, headers={"Location": location})


class JobBackfillListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation(
        "list_job_backfills",
        parameters=PageParameters,
        responses={200: (BackfillPage, {"next": None, "previous": None, "results": [BACKFILL_EXAMPLE]})},
        errors=[404],
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """List the backfills of a job, newest first."""
        filters = PageParameters.read(request)
        find_job(request, job_id)
        page = paginate(request, visible(Backfill, caller_of(request)).filter(job_id=job_id), filters)
        results = [backfill_of(row) for row in page.rows]
        return Response(BackfillPage(next=page.next, previous=page.previous, results=results).json_body())


class BackfillView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)]}
    subjects: ClassVar[Subjects] = {"backfill_id": Backfill}

    @operation("get_backfill", responses={200: (BackfillDetail, BACKFILL_DETAIL)}, errors=[404])
    def get(self, request: Request, backfill_id: UUID) -> Response:
        """Return a backfill and its progress."""
        return Response(detail_of(get_object_or_404(visible(Backfill, caller_of(request)), pk=backfill_id)).json_body())


class BackfillCancelView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"backfill_id": Backfill}

    @operation(
        "cancel_backfill",
        body=(NoBody, {"No body": {}}),
        responses={
            200: (BackfillDetail, {**BACKFILL_DETAIL, "state": "cancelled", "finished_at": "2026-11-20T12:00:30Z"})
        },
        errors=[404, 409],
    )
    def post(self, request: Request, backfill_id: UUID) -> Response:
        """Cancel a backfill and its held, queued and retrying runs. Its running runs continue."""
        read_body(request, NoBody)
        get_object_or_404(visible(Backfill, caller_of(request)), pk=backfill_id)
        return Response(detail_of(backfill.cancel(backfill_id, clock.now(), actor=actor_of(request))).json_body())
