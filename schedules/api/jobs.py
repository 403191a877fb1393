"""Views of jobs: list, create, read, change, delete, pause, resume and run jobs, and list the runs of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from django.db import transaction
from django.urls import reverse
from pydantic import BeforeValidator, Field
from rest_framework.response import Response

from access.api.bodies import MERGE_PATCH, read_body
from access.api.paging import paginate
from access.api.parameters import PageParameters, split_at_commas
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, may, may_read, visible
from executions.api import (
    JOB_RUN_PAGE,
    QUEUED_DETAIL,
    JobRunFilters,
    JobRunPage,
    NoBody,
    RunDetail,
    accepted,
    page_of_job_runs,
)
from executions.runs import Run
from schedules import triggers
from schedules.api import examples
from schedules.api.bodies import changed_definition, read_change, read_definition, read_pause, read_resume
from schedules.api.read_only import NewJob, StateAtCreation, check_sent_back, without_state
from schedules.api.shapes import Job as JobShape
from schedules.api.shapes import JobChange, JobOrResumePreview, JobPage, Pause, Resume, job_of, resume_preview_of
from schedules.exceptions import JobGone
from schedules.jobs import chains, definitions
from schedules.jobs.members import JobDefinition
from schedules.jobs.selection import Selection, TargetKind
from schedules.jobs.validation import validate
from schedules.models import MAX_JOB_NAME_LENGTH, Job, JobState
from schedules.pauses import resuming
from schedules.zone_data import versions
from values import clock
from values.ids import read_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class JobFilters(PageParameters):
    """The filters of the list of jobs."""

    state: Annotated[tuple[JobState, ...], BeforeValidator(split_at_commas)] | None = Field(
        None, description="Jobs in this state. Separate several states by commas."
    )
    target_kind: TargetKind | None = Field(None, description=Selection.model_fields["target_kind"].description)
    name: Annotated[str, Field(max_length=MAX_JOB_NAME_LENGTH)] | None = Field(
        None, description=Selection.model_fields["name"].description
    )
    search: Annotated[str, Field(min_length=1, max_length=MAX_JOB_NAME_LENGTH)] | None = Field(
        None, description=Selection.model_fields["search"].description
    )


# Four times the largest payload: indentation, and escapes such as \u00e9, make the same JSON longer.
MAX_DEFINITION_BYTES = 1024 * 1024
LARGE = ("description", "schedule", "spec__target", "spec__payload", "spec__policies")  # columns of a job


class JobListView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION_BYTES
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)], "POST": [(Action.ADD, Job)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("list_jobs", parameters=JobFilters, responses={200: (JobPage, examples.JOB_PAGE)})
    def get(self, request: Request) -> Response:
        """List jobs, newest first."""
        filters = JobFilters.read(request)
        given = filters.model_dump(include={"target_kind", "name", "search"}, exclude_none=True)
        selection = Selection(**given)
        jobs, order = visible(Job, caller_of(request)).select_related("spec"), "-id"
        if conditions := selection.conditions:
            # The same order as by `id`, but on the column that the indexes of the specs contain.
            jobs, order = jobs.filter(conditions), "-spec__job_id"
        page = paginate(request, jobs, filters, [order], ("state", filters.state), LARGE)
        results = list(shown_all(page.rows, request).values())
        return Response(JobPage(next=page.next, previous=page.previous, results=results).json_body())

    @operation(
        "create_job",
        body=(NewJob, examples.DEFINITIONS),
        responses={201: (JobShape, examples.JOB)},
        location_status=201,
    )
    def post(self, request: Request) -> Response:
        """Create a job.

        The first run is due at the next instant of the schedule. If `start_at` is missing or past, the first run of a
        `delay` schedule is due immediately. Without a schedule, the job starts only by hand, through the API or after
        other jobs. With `state` `paused`, or `enabled` false, the job is created paused. The body of a `GET` makes a
        copy of a job, with an id of its own.
        """
        now, caller, actor = clock.now(), caller_of(request), actor_of(request)
        data, others = read_definition(request)
        terms = StateAtCreation.read(others).pause_of_new(now)
        definition = validate(data, now, caller=caller)
        links = chains.Links(definition.start_after)
        with transaction.atomic():
            job = definitions.create(definition, now, actor=actor, caller=caller)
            check_new(others, originals_of([others], request), lambda: shown(job, request, links), now)
            if terms:
                triggers.pause_new(job, now, actor=actor, terms=terms)
        body = shown(job, request, links).json_body()
        return Response(body, status=201, headers={"Location": reverse("job", args=[job.pk])})


class JobView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION_BYTES
    needs: ClassVar[Needs] = {
        "GET": [(Action.VIEW, Job)],
        "PUT": [(Action.CHANGE, Job)],
        "PATCH": [(Action.CHANGE, Job)],
        "DELETE": [(Action.DELETE, Job)],
    }
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation("get_job", responses={200: (JobShape, examples.JOB)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return a job."""
        return Response(shown(find_job(request, job_id), request).json_body())

    @operation(
        "replace_job",
        body=(JobDefinition, examples.DEFINITIONS),
        responses={200: (JobShape, examples.JOB)},
        errors=[404],
    )
    def put(self, request: Request, job_id: UUID) -> Response:
        """Replace a job's definition. Members that are left out get their defaults.

        A changed schedule applies from now on. If the schedule is unchanged, the next run stays the same. Existing runs
        keep the definition with which they were created. Read-only members may be sent back as they were read. The
        request does not pause or resume the job: a `state` that differs is refused.
        """
        now = clock.now()
        data, others = read_definition(request)
        with transaction.atomic():
            before = definitions.lock(job_id)
            was_shown = shown(before, request) if others else None
            definition = validate(data, now, before, caller=caller_of(request))
            job = definitions.replace(job_id, definition, now, actor=actor_of(request), caller=caller_of(request))
            shape = shown(job, request)
            if was_shown:
                check_sent_back(others, was_shown, shape, now)
        return Response(shape.json_body())

    @operation(
        "change_job",
        body=(JobChange, examples.CHANGES),
        responses={200: (JobShape, examples.JOB)},
        errors=[404],
        media_types=("application/json", MERGE_PATCH),
    )
    def patch(self, request: Request, job_id: UUID) -> Response:
        """Change some members of a job's definition, as a JSON merge patch (RFC 7396).

        Members that are not named stay, also inside `schedule`, `target`, `payload` and `policies`. Null sets a member
        to its default; inside a payload it removes the member. Lists, such as `specs` and `start_after`, are replaced
        as a whole. A `schedule` that names another kind, such as `every` for a cron schedule, keeps `timezone`,
        `start_at`, `end_at` and `max_runs`; a `target` with another `kind` keeps nothing, and its `payload` is replaced
        too. The content type may also be `application/merge-patch+json`.
        """
        now = clock.now()
        change, caller = read_change(request), caller_of(request)
        # Hold the job's lock from the read to the write: one of two simultaneous PATCHes could undo the other.
        with transaction.atomic():
            job = definitions.lock(job_id)
            definition = validate(changed_definition(job, change, caller, now), now, job, caller=caller)
            job = definitions.replace(job_id, definition, now, actor=actor_of(request), caller=caller)
        return Response(shown(job, request).json_body())

    @operation("delete_job", responses={204: (None, None)}, errors=[404])
    def delete(self, request: Request, job_id: UUID) -> Response:
        """Delete a job and cancel its held, queued and retrying runs. Running runs continue, and the history stays.

        The deleted job is also removed from `start_after` of other jobs.
        """
        definitions.delete(job_id, clock.now(), actor=actor_of(request))
        return Response(status=204)


class JobPauseView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "pause_job", body=(Pause, examples.PAUSES), responses={200: (JobShape, examples.PAUSED)}, errors=[404, 409]
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Pause a job. While the job is paused, neither its schedule nor other jobs start it.

        With `until`, the pause ends by itself. `catch_up` selects which occurrences during the pause start at its end.
        If the job is already paused, the new reason, actor, `until` and `catch_up` replace the old ones.
        """
        now = clock.now()
        body = read_pause(request, Pause, now)
        job = triggers.pause(job_id, now, actor=actor_of(request), terms=body.terms)
        return Response(shown(job, request).json_body())


class JobResumeView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "resume_job",
        body=(Resume, examples.RESUMES),
        responses={200: (JobOrResumePreview, examples.JOB)},
        errors=[404, 409],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Resume a paused job. With `dry_run`, return a preview and change nothing.

        An occurrence during the pause starts only if `catch_up` selects it.
        """
        now = clock.now()
        body = read_resume(request)
        if body.dry_run:
            preview = resuming.preview(find_job(request, job_id), now, body.catch_up, body.max_runs)
            return Response(resume_preview_of(preview).json_body())
        job = triggers.resume(job_id, now, actor=actor_of(request), catch_up=body.catch_up, max_runs=body.max_runs)
        return Response(shown(job, request).json_body())


class JobRunView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "run_job",
        body=(NoBody, {"No body": {}}),
        responses={202: (RunDetail, QUEUED_DETAIL)},
        errors=[404, 409],
        location_status=202,
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Start a run now, even if the job is paused or has live runs.

        The job's concurrency limit, rate limit and start deadline apply.
        """
        now = clock.now()
        read_body(request, NoBody)
        return accepted(triggers.run_now(find_job(request, job_id), now, actor=actor_of(request)), now)


class JobRunListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("list_job_runs", parameters=JobRunFilters, responses={200: (JobRunPage, JOB_RUN_PAGE)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """List the runs of a job, latest nominal instant first.

        Retention deletes old runs. `last_pruned` has what is left of the job's last run, if this run was deleted.
        """
        filters = JobRunFilters.read(request)
        if not visible(Job, caller_of(request)).filter(pk=job_id).exists():
            raise JobGone
        return Response(page_of_job_runs(request, filters, job_id).json_body())


def shown(job: Job, request: Request, links: chains.Links | None = None) -> JobShape:
    """Return the response for a job, with its credentials if the user may change the job. Load `job.spec` first.

    `links`: the job's chains. None: one query reads them.
    """
    links = links or chains.links_of([job.pk], caller_of(request))[job.pk]
    return job_of(job, links, with_credentials=may(caller_of(request), Action.CHANGE, job))


def shown_all(jobs: Collection[Job], request: Request) -> dict[UUID, JobShape]:
    """Return the responses for jobs, by id (see `shown`). One query reads the chains of all jobs."""
    versions.load(job.zone_data for job in jobs)  # their zones may be missing in this process's own data
    links = chains.links_of([job.pk for job in jobs], caller_of(request))
    return {job.pk: shown(job, request, links[job.pk]) for job in jobs}


def originals_of(sent: Iterable[Mapping[str, Any]], request: Request) -> dict[UUID, JobShape]:
    """Return the responses for the visible jobs whose ids are among the read-only members that requests have sent."""
    ids = {job_id for others in sent if (job_id := read_id(str(others.get("id"))))}
    if not ids or not may_read(caller_of(request), Job):
        return {}
    return shown_all(list(visible(Job, caller_of(request)).select_related("spec").filter(pk__in=ids)), request)


def check_new(
    others: Mapping[str, Any], originals: Mapping[UUID, JobShape], new: Callable[[], JobShape], now: datetime
) -> None:
    """Check the read-only members `others` of the request that has created a job.

    If they contain the id of another job, the new job is a copy, and they must be what that job has or had. Otherwise,
    they must be what the new job has. `originals`: see `originals_of`. `new` returns the response for the new job.
    Raises InvalidInput.
    """
    if sent := without_state(others):
        original_id = read_id(str(sent.get("id")))
        original = originals.get(original_id) if original_id else None
        check_sent_back(sent, original, original or new(), now)


def find_job(request: Request, job_id: UUID) -> Job:
    """Return a job with its `spec`. Raises JobGone if there is no such job, or the user may not see it."""
    job = visible(Job, caller_of(request)).select_related("spec").filter(pk=job_id).first()
    if job is None:
        raise JobGone
    versions.load([job.zone_data])
    return job
