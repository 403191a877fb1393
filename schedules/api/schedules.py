"""Views that preview and validate a schedule. The schedule need not belong to a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.schema import ProblemField, operation
from access.api.views import ApiView
from access.visibility import Action
from schedules.api import examples
from schedules.api.bodies import read_storable
from schedules.api.schedule_shapes import (
    DstChange,
    Fire,
    Preview,
    PreviewRequest,
    Refusal,
    ValidationRequest,
    Verdict,
    VerdictOrRefusal,
)
from schedules.clock import preview
from schedules.clock.anchors import first_mark
from schedules.clock.describe import describe
from schedules.clock.effort import Effort
from schedules.clock.notes.warnings import warnings
from schedules.clock.occurrences import next_after
from schedules.clock.policies.start_times import hashed_start, latest_starts
from schedules.clock.spec import to_json
from schedules.clock.zones import clock_changes
from schedules.clock.zones.data import OWN_VERSION
from schedules.clock.zones.zones import LAST_AT, zone
from schedules.exceptions import InvalidDefinition
from schedules.jobs.schedule_shape import validate_schedule
from schedules.models import Job
from values import clock

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs
    from schedules.clock.spec import ScheduleSpec


class SchedulePreviewView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.VIEW, Job)]}

    @operation(
        "preview_schedule",
        body=(PreviewRequest, examples.PREVIEW_REQUESTS),
        responses={200: (Preview, examples.PREVIEW)},
    )
    def post(self, request: Request) -> Response:
        """Preview a schedule: return its description, its next instants and the clock changes of 12 months.

        The instants and the clock changes are later than `after` (default: now).
        """
        now = clock.now()
        read_storable(request)  # the schedule's own reader accepts text that the database cannot store
        wanted = read_body(request, PreviewRequest)
        spec = validate_schedule(wanted.schedule, now, wanted.job_id)
        after = wanted.after or first_mark(spec, now)
        count = wanted.count if spec.max_runs is None else min(wanted.count, spec.max_runs)
        span = clock_changes.CLOCK_CHANGE_SPAN
        until = after + span if LAST_AT - after > span else LAST_AT
        fires, stopped = preview.bounded_preview(spec, after, count, Effort())
        body = Preview(
            description=describe(spec),
            fires=_with_starts(fires, spec, wanted),
            dst_changes=[
                _change_of(change, wanted.timezone) for change in clock_changes.dst_changes(spec, after, until)
            ],
            warnings=[*warnings(spec, now), *([stopped] if stopped else [])],
            timezone_data=OWN_VERSION,
        )
        return Response(body.json_body())


class ScheduleValidateView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.VIEW, Job)]}

    @operation(
        "validate_schedule",
        body=(ValidationRequest, examples.VALIDATION_REQUESTS),
        responses={200: (VerdictOrRefusal, examples.VERDICT)},
    )
    def post(self, request: Request) -> Response:
        """Validate a schedule. An invalid schedule gets status 200 too, with `valid` false and the errors."""
        now = clock.now()
        read_storable(request)
        wanted = read_body(request, ValidationRequest)
        try:
            spec = validate_schedule(wanted.schedule, now)
        except InvalidDefinition as error:
            errors = [ProblemField(field=name, message=text) for name, texts in error.errors.items() for text in texts]
            return Response(Refusal(valid=False, errors=errors).json_body())
        verdict = Verdict(
            valid=True,
            description=describe(spec),
            schedule=to_json(spec),
            next_run_at=next_after(spec, first_mark(spec, now)),
            warnings=warnings(spec, now),
            timezone_data=OWN_VERSION,
        )
        return Response(verdict.json_body())


def _fire_of(fire: preview.Fire, viewer_zone: str | None) -> Fire:
    return Fire(
        at=fire.at,
        local=fire.local.isoformat(),
        in_viewer_zone=fire.at.astimezone(zone(viewer_zone)).isoformat() if viewer_zone else None,
        marks=list(fire.marks),
        starts_at=None,
        starts_before=None,
    )


def _with_starts(fires: list[preview.Fire], spec: ScheduleSpec, wanted: PreviewRequest) -> list[Fire]:
    """Convert instants for the response.

    If the request has jitter, add the latest possible start of each run. If it has a job id too, add the planned start.
    """
    shown, job_id = [_fire_of(fire, wanted.timezone) for fire in fires], wanted.job_id
    if not wanted.jitter:
        return shown
    latest = latest_starts(spec, [fire.at for fire in shown], wanted.jitter)
    return [
        fire.model_copy(
            update={"starts_at": hashed_start(job_id, fire.at, at) if job_id else None, "starts_before": at}
        )
        for fire, at in zip(shown, latest, strict=True)
    ]


def _change_of(change: clock_changes.DstChange, viewer_zone: str | None) -> DstChange:
    return DstChange(
        kind=change.kind,
        at=change.at,
        local_from=change.local_from,
        local_to=change.local_to,
        affected=change.affected,
        fires=[_fire_of(fire, viewer_zone) for fire in change.fires],
        text=change.text,
    )
