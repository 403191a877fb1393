"""Views that register, read and unregister jobs under keys that the caller chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.exceptions import InvalidInput
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of
from schedules.api import examples
from schedules.api.bodies import read_definition
from schedules.api.jobs import MAX_DEFINITION_BYTES, shown
from schedules.api.registration_shapes import INVALID_KEY, Registered, RegisteredJobs, Registration
from schedules.api.shapes import Job as JobShape
from schedules.exceptions import InvalidRegistration, JobGone
from schedules.jobs import registration
from schedules.jobs.members import JobDefinition
from schedules.jobs.registration import Outcome
from schedules.models import Job
from values import clock

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs

# A registration may create a job or change it.
REGISTER_NEEDS = ((Action.ADD, Job), (Action.CHANGE, Job))


class JobByKeyView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION_BYTES
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)], "PUT": REGISTER_NEEDS, "DELETE": [(Action.DELETE, Job)]}

    @operation("get_job_by_key", responses={200: (JobShape, examples.JOB)}, errors=[404])
    def get(self, request: Request, key: str) -> Response:
        """Return the job that is registered under a key."""
        job = registration.find(key, caller_of(request)) if registration.is_key(key) else None
        if job is None:
            raise JobGone
        return Response(shown(job, request).json_body())

    @operation(
        "register_job",
        body=(JobDefinition, examples.DEFINITIONS),
        responses={200: (JobShape, examples.JOB), 201: (JobShape, examples.JOB)},
        location_status=201,
    )
    def put(self, request: Request, key: str) -> Response:
        """Create or change the job with this key, so that the job has this definition. The request is idempotent.

        If no job has this key, a job is created (201). If the job has another definition, the definition is replaced
        (see `replace_job`). If the job has the same definition, nothing changes: the next run and any pause stay.
        """
        now = clock.now()
        data = read_definition(request)
        if not registration.is_key(key):
            raise InvalidInput({"key": [INVALID_KEY]})
        try:
            registered = registration.register({key: data}, now, actor=actor_of(request), caller=caller_of(request))[
                key
            ]
        except InvalidRegistration as invalid:
            raise InvalidInput(invalid.errors[key]) from invalid
        body = shown(registered.job, request).json_body()
        if registered.outcome is Outcome.CREATED:
            return Response(body, status=201, headers={"Location": reverse("job", args=[registered.job.pk])})
        return Response(body)

    @operation("unregister_job", responses={204: (None, None)})
    def delete(self, request: Request, key: str) -> Response:
        """Delete the job that is registered under a key (see `delete_job`).

        The response is 204 even if there is no such job.
        """
        if registration.is_key(key):
            registration.unregister(key, clock.now(), actor=actor_of(request), caller=caller_of(request))
        return Response(status=204)


class JobRegistrationView(ApiView):
    max_body_bytes: ClassVar[int] = 8 * MAX_DEFINITION_BYTES  # 500 jobs of up to 16 KiB each
    needs: ClassVar[Needs] = {"PUT": REGISTER_NEEDS}

    @operation(
        "register_jobs",
        body=(Registration, examples.REGISTRATIONS),
        responses={200: (RegisteredJobs, examples.REGISTERED)},
    )
    def put(self, request: Request) -> Response:
        """Register up to 500 jobs (see `register_job`). If one definition is invalid, no job is registered.

        Jobs that are not in the request stay unchanged.
        """
        now = clock.now()
        requested = read_body(request, Registration).definitions
        try:
            registered = registration.register(requested, now, actor=actor_of(request), caller=caller_of(request))
        except InvalidRegistration as invalid:
            raise InvalidInput(_errors_by_place(invalid, list(requested))) from invalid
        jobs = [Registered(key=key, id=each.job.pk, outcome=each.outcome) for key, each in registered.items()]
        return Response(RegisteredJobs(jobs=jobs).json_body())


def _errors_by_place(invalid: InvalidRegistration, keys: list[str]) -> dict[str, list[str]]:
    """Return the errors of a registration by field of the request, such as `jobs.1.schedule.cron`."""
    return {
        f"jobs.{place}.{name}": texts
        for place, key in enumerate(keys)
        for name, texts in invalid.errors.get(key, {}).items()
    }
