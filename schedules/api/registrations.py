"""Jobs under keys of the caller's own: register, look up, unregister."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from django.urls import reverse
from rest_framework.response import Response

from access.api.exceptions import InvalidInput
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of
from schedules.api import examples
from schedules.api.bodies import read_definition
from schedules.api.jobs import MAX_DEFINITION, shown
from schedules.api.registration_shapes import BAD_KEY, Registered, RegisteredJobs, Registration, read_registration
from schedules.api.shapes import Job as JobShape
from schedules.exceptions import InvalidRegistration, JobGone
from schedules.jobs import registration
from schedules.jobs.members import JobDefinition
from schedules.jobs.registration import Outcome
from schedules.models import Job

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs

REGISTERS = ((Action.ADD, Job), (Action.CHANGE, Job))


class JobByKeyView(ApiView):
    max_body_bytes: ClassVar[int] = MAX_DEFINITION
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Job)], "PUT": REGISTERS, "DELETE": [(Action.DELETE, Job)]}

    @operation("get_job_by_key", responses={200: (JobShape, examples.JOB)}, errors=[404])
    def get(self, request: Request, key: str) -> Response:
        """The job that is known under a key."""
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
        """Have a key of the caller's own stand for a job with this definition. It may be said again and again.

        Without such a job one is made (201). One that differs is changed, as by `replace_job`; one that is as it is
        wanted is not touched: neither its clock, nor a pause.
        """
        now = datetime.now(UTC)
        data = read_definition(request)
        if not registration.is_key(key):
            raise InvalidInput({"key": [BAD_KEY]})
        try:
            found = registration.register({key: data}, now, actor=actor_of(request), caller=caller_of(request))[key]
        except InvalidRegistration as invalid:
            raise InvalidInput(invalid.errors[key]) from invalid
        body = shown(found.job, request).json_body()
        if found.outcome is Outcome.CREATED:
            return Response(body, status=201, headers={"Location": reverse("job", args=[found.job.pk])})
        return Response(body)

    @operation("unregister_job", responses={204: (None, None)})
    def delete(self, request: Request, key: str) -> Response:
        """Delete the job that is known under a key, as `delete_job` does. Without such a job there is nothing to do."""
        if registration.is_key(key):
            registration.unregister(key, datetime.now(UTC), actor=actor_of(request), caller=caller_of(request))
        return Response(status=204)


class JobRegistrationView(ApiView):
    max_body_bytes: ClassVar[int] = 8 * MAX_DEFINITION
    needs: ClassVar[Needs] = {"PUT": REGISTERS}

    @operation(
        "register_jobs",
        body=(Registration, examples.REGISTRATIONS),
        responses={200: (RegisteredJobs, examples.REGISTERED)},
    )
    def put(self, request: Request) -> Response:
        """Register up to 500 jobs at once, all of them or none.

        Each as by `register_job`. Jobs that are not named stay as they are.
        """
        now = datetime.now(UTC)
        wanted = read_registration(request)
        try:
            found = registration.register(wanted, now, actor=actor_of(request), caller=caller_of(request))
        except InvalidRegistration as invalid:
            raise InvalidInput(_by_place(invalid, list(wanted))) from invalid
        jobs = [Registered(key=key, id=each.job.pk, outcome=each.outcome) for key, each in found.items()]
        return Response(RegisteredJobs(jobs=jobs).json_body())


def _by_place(invalid: InvalidRegistration, keys: list[str]) -> dict[str, list[str]]:
    """The errors of a registration, by their fields in the request."""
    return {
        f"jobs.{place}.{name}": texts
        for place, key in enumerate(keys)
        for name, texts in invalid.errors.get(key, {}).items()
    }
