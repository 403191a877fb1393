"""Jobs: the list, one of them, and what people do to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from django.db import transaction
from django.urls import reverse
from pydantic import BeforeValidator, Field
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.paging import paginate
from access.api.parameters import PageParameters, split_at_commas
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of, may, visible
from executions.api import QUEUED_DETAIL, RUN_PAGE, JobRunFilters, NoBody, RunDetail, RunPage, accepted, page_of_runs
from executions.runs import Run
from schedules import triggers
from schedules.api import examples
from schedules.api.bodies import changed_definition, read_change, read_definition, read_pause, read_resume
from schedules.api.shapes import Job as JobShape
from schedules.api.shapes import JobChange, JobOrForesight, JobPage, Pause, Resume, foresight_of, job_of
from schedules.exceptions import JobGone
from schedules.jobs import chains, definitions
from schedules.jobs.members import JobDefinition
from schedules.jobs.selection import Selection, TargetKind
from schedules.jobs.validation import validate
from schedules.models import Job, JobState
from schedules.pauses import resuming

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from access.api.views import Needs, Subjects


class JobFilters(PageParameters):
    """What jobs can be filtered by."""

    state: Annotated[tuple[JobState, ...], BeforeValidator(split_at_commas)] | None = Field(
        None, description="One state, or several with commas between them."
    )
    target_kind: TargetKind | None = None
    name: Annotated[str, Field(max_length=255)] | None = Field(None, description="Jobs with exactly this name.")
    search: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        None,
        description="Jobs with this in their name, in upper or lower case. "
        "One or two characters are looked for at the start of the name.",
    )


# A definition with the largest payload, laid out or escaped as people's programs do it.
MAX_DEFINITION = 1024 * 1024


class JobListView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)], "POST": [(Action.ADD, Job)]}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("list_jobs", parameters=JobFilters, responses={200: (JobPage, examples.JOB_PAGE)})
    def get(self, request: Request) -> Response:
        """All jobs, the newest first."""
        filters = JobFilters.read(request)
        wanted = Selection(target_kind=filters.target_kind, name=filters.name, search=filters.search).wanted
        jobs, order = visible(Job, caller_of(request)).select_related("spec"), "-id"
        if wanted:
            # The same order, as the indexes of the definitions have it.
            jobs, order = jobs.filter(wanted), "-spec__job_id"
        page = paginate(request, jobs, filters, [order], ("state", filters.state))
        links = chains.links_of([job.pk for job in page.rows], caller_of(request))
        results = [shown(job, request, links[job.pk]) for job in page.rows]
        return Response(JobPage(next=page.next, previous=page.previous, results=results).json_body())

    @operation(
        "create_job",
        body=(JobDefinition, examples.DEFINITIONS),
        responses={201: (JobShape, examples.JOB)},
        location_status=201,
    )
    def post(self, request: Request) -> Response:
        """Make a job. Its first occurrence is the first one after this moment."""
        now = datetime.now(UTC)
        caller = caller_of(request)
        definition = validate(read_definition(request), now, caller=caller)
        job = definitions.create(definition, now, actor=actor_of(request), caller=caller)
        body = shown(job, request, chains.Links(definition.start_after)).json_body()
        return Response(body, status=201, headers={"Location": reverse("job", args=[job.pk])})


class JobView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION
    needs: ClassVar[Needs] = {
        "GET": [(Action.VIEW, Job)],
        "PUT": [(Action.CHANGE, Job)],
        "PATCH": [(Action.CHANGE, Job)],
        "DELETE": [(Action.DELETE, Job)],
    }
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation("get_job", responses={200: (JobShape, examples.JOB)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """One job."""
        return Response(shown(find_job(request, job_id), request).json_body())

    @operation(
        "replace_job",
        body=(JobDefinition, examples.DEFINITIONS),
        responses={200: (JobShape, examples.JOB)},
        errors=[404],
    )
    def put(self, request: Request, job_id: UUID) -> Response:
        """Give a job a new definition; members that are left out get their defaults.

        A schedule that is changed counts from this moment; one that is the same goes on undisturbed. Runs that exist
        keep the definition that they were born from.
        """
        now = datetime.now(UTC)
        data = read_definition(request)
        with transaction.atomic():
            definition = validate(data, now, definitions.lock(job_id), caller=caller_of(request))
            job = definitions.replace(job_id, definition, now, actor=actor_of(request))
        return Response(shown(job, request).json_body())

    @operation(
        "change_job", body=(JobChange, examples.CHANGES), responses={200: (JobShape, examples.JOB)}, errors=[404]
    )
    def patch(self, request: Request, job_id: UUID) -> Response:
        """Change some members of a job's definition. A member that is given replaces the old one whole."""
        now = datetime.now(UTC)
        change = read_change(request)
        # Under the job's lock from reading to writing: of two changes at once, neither undoes the other.
        with transaction.atomic():
            job = definitions.lock(job_id)
            definition = validate(changed_definition(job, change), now, job, caller=caller_of(request))
            job = definitions.replace(job_id, definition, now, actor=actor_of(request))
        return Response(shown(job, request).json_body())

    @operation("delete_job", responses={204: (None, None)}, errors=[404])
    def delete(self, request: Request, job_id: UUID) -> Response:
        """Delete a job. Its runs that have not begun are cancelled, running ones go on, its history stays.

        Jobs that name it in `start_after` stay, and name it no more: see its `starts` before.
        """
        definitions.delete(job_id, datetime.now(UTC), actor=actor_of(request))
        return Response(status=204)


class JobPauseView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "pause_job", body=(Pause, examples.PAUSES), responses={200: (JobShape, examples.PAUSED)}, errors=[404, 409]
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Pause a job: from now on its occurrences are recorded, and not started.

        With `until` it resumes by itself. Pausing it again sets reason, actor and end anew.
        """
        now = datetime.now(UTC)
        asked = read_pause(request, Pause, now)
        job = triggers.pause(
            job_id, now, actor=actor_of(request), reason=asked.reason, until=asked.until, catch_up=asked.catch_up
        )
        return Response(shown(job, request).json_body())


class JobResumeView(ApiView):
    needs: ClassVar[Needs] = {"POST": [(Action.CHANGE, Job)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}

    @operation(
        "resume_job",
        body=(Resume, examples.RESUMES),
        responses={200: (JobOrForesight, examples.JOB)},
        errors=[404, 409],
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Resume a paused job with its next occurrence, or say with `dry_run` what that would start.

        Of the occurrences that fell into the pause none starts, unless `catch_up` says so.
        """
        now = datetime.now(UTC)
        asked = read_resume(request)
        if asked.dry_run:
            found = resuming.preview(find_job(request, job_id), now, asked.catch_up, asked.max_runs)
            return Response(foresight_of(found).json_body())
        job = triggers.resume(job_id, now, actor=actor_of(request), catch_up=asked.catch_up, max_runs=asked.max_runs)
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
        """Start a run at once, whatever the job's schedule, its state and its other runs."""
        now = datetime.now(UTC)
        read_body(request, NoBody)
        return accepted(triggers.run_now(find_job(request, job_id), now, actor=actor_of(request)), now)


class JobRunListView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("list_job_runs", parameters=JobRunFilters, responses={200: (RunPage, RUN_PAGE)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """The runs of a job, the latest nominal instant first."""
        filters = JobRunFilters.read(request)
        if not visible(Job, caller_of(request)).filter(pk=job_id).exists():
            raise JobGone
        return Response(page_of_runs(request, filters, job_id).json_body())


def shown(job: Job, request: Request, links: chains.Links | None = None) -> JobShape:
    """Return a job as whoever asks may see it. `job.spec` has to be loaded."""
    caller = caller_of(request)
    links = links or chains.links_of([job.pk], caller)[job.pk]
    return job_of(job, links, in_full=may(caller, Action.CHANGE, job))


def find_job(request: Request, job_id: UUID) -> Job:
    """Return a job with its definition. Raises JobGone."""
    job = visible(Job, caller_of(request)).select_related("spec").filter(pk=job_id).first()
    if job is None:
        raise JobGone
    return job
