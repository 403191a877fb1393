"""Views that preview and validate a schedule, whether or not a job has it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.schema import ProblemField, operation
from access.api.views import ApiView
from access.visibility import Action
from schedules.api import examples
from schedules.api.bodies import read_storable
from schedules.api.questions import (
    DstChange,
    Fire,
    Preview,
    PreviewQuestion,
    Refusal,
    ScheduleQuestion,
    Verdict,
    VerdictOrRefusal,
)
from schedules.clock import preview
from schedules.clock.anchors import first_mark
from schedules.clock.describe import describe, warnings
from schedules.clock.occurrences import next_after
from schedules.clock.policies.start_times import hashed_start, latest_starts
from schedules.clock.spec import to_json
from schedules.clock.zones import clock_changes
from schedules.clock.zones.zones import LAST_AT, zone
from schedules.exceptions import InvalidDefinition
from schedules.jobs.schedule_shape import validate_schedule
from schedules.models import Job

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs
    from schedules.clock.spec import ScheduleSpec


class SchedulePreviewView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.VIEW, Job)]}

    @operation(
        "preview_schedule",
        body=(PreviewQuestion, examples.PREVIEW_QUESTIONS),
        responses={200: (Preview, examples.PREVIEW)},
    )
    def post(self, request: Request) -> Response:
        """Preview a schedule: return it in words, its next instants, and the clock changes of the next twelve months."""
        now = datetime.now(UTC)
        read_storable(request)  # the schedule's own reader would not notice text that no job can store
        question = read_body(request, PreviewQuestion)
        spec = validate_schedule(question.schedule, now)
        after = question.after or first_mark(spec, now)
        count = question.count if spec.max_runs is None else min(question.count, spec.max_runs)
        until = (
            after + clock_changes.CLOCK_CHANGE_SPAN if LAST_AT - after > clock_changes.CLOCK_CHANGE_SPAN else LAST_AT
        )
        body = Preview(
            description=describe(spec),
            fires=_with_starts(preview.preview(spec, after, count), spec, question),
            dst_changes=[
                _change_of(change, question.timezone) for change in clock_changes.dst_changes(spec, after, until)
            ],
            warnings=warnings(spec, now),
        )
        return Response(body.json_body())


class ScheduleValidateView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.VIEW, Job)]}

    @operation(
        "validate_schedule",
        body=(ScheduleQuestion, examples.SCHEDULE_QUESTIONS),
        responses={200: (VerdictOrRefusal, examples.VERDICT)},
    )
    def post(self, request: Request) -> Response:
        """Validate a schedule. The response is 200 for an invalid schedule too, and lists each wrong field."""
        now = datetime.now(UTC)
        read_storable(request)
        question = read_body(request, ScheduleQuestion)
        try:
            spec = validate_schedule(question.schedule, now)
        except InvalidDefinition as error:
            errors = [ProblemField(field=name, message=text) for name, texts in error.errors.items() for text in texts]
            return Response(Refusal(valid=False, errors=errors).json_body())
        verdict = Verdict(
            valid=True,
            description=describe(spec),
            schedule=to_json(spec),
            next_run_at=next_after(spec, first_mark(spec, now)),
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


def _with_starts(fires: list[preview.Fire], spec: ScheduleSpec, question: PreviewQuestion) -> list[Fire]:
    """Return the response for instants; with jitter, each with its start if the job is known, and its latest start."""
    shown, job_id = [_fire_of(fire, question.timezone) for fire in fires], question.job_id
    if not question.jitter:
        return shown
    latest = latest_starts(spec, [fire.at for fire in shown], question.jitter)
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
