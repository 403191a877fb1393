"""Views that register, read and unregister jobs under keys that the caller chooses."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db import transaction
from django.urls import reverse
from rest_framework.response import Response

from access.api.bodies import read_body
from access.api.exceptions import InvalidInput
from access.api.schema import operation
from access.api.views import ApiView, actor_of
from access.visibility import Action, caller_of
from schedules import triggers
from schedules.api import examples
from schedules.api.bodies import read_definition
from schedules.api.jobs import MAX_DEFINITION_BYTES, check_new, originals_of, shown, shown_all
from schedules.api.read_only import NewJob, StateAtCreation, check_sent_back, check_state, without_state
from schedules.api.registration_shapes import INVALID_KEY, Registered, RegisteredJobs, Registration
from schedules.api.shapes import Job as JobShape
from schedules.exceptions import InvalidRegistration, JobGone
from schedules.jobs import registration
from schedules.jobs.registration import MAX_INVALID_JOBS, Outcome
from schedules.models import Job
from values import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rest_framework.request import Request

    from access.api.views import Needs

T = TypeVar("T")
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
        body=(NewJob, examples.DEFINITIONS),
        responses={200: (JobShape, examples.JOB), 201: (JobShape, examples.JOB)},
        location_status=201,
    )
    def put(self, request: Request, key: str) -> Response:
        """Create or change the job with this key, so that the job has this definition. The request is idempotent.

        If no job has this key, a job is created (201). If the job has another definition, the definition is replaced
        (see `replace_job`). If the job has the same definition, nothing changes: the next run and any pause stay.

        `state` and `enabled` are the state in which the job is created. They do not pause or resume a job that exists,
        so that a service which registers its jobs at each start does not undo what a person has done meanwhile.
        """
        data, others = read_definition(request)
        if not registration.is_key(key):
            raise InvalidInput({"key": [INVALID_KEY]})
        if others.get("key", key) != key:
            raise InvalidInput({"key": ["This is not the key in the URL: leave it out, or send it to its own URL."]})
        try:
            registered = register_all({key: data}, {key: others}, request)[key]
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
        body = read_body(request, Registration)
        try:
            registered = register_all(body.definitions, body.read_only, request)
        except InvalidRegistration as invalid:
            raise InvalidInput(_errors_by_place(invalid, list(body.definitions))) from invalid
        jobs = [
            Registered(key=key, id=each.job.pk, outcome=each.outcome, state=each.job.state)
            for key, each in registered.items()
        ]
        return Response(RegisteredJobs(jobs=jobs).json_body())


def register_all(
    requested: Mapping[str, Mapping[str, Any]], others: Mapping[str, Mapping[str, Any]], request: Request
) -> dict[str, registration.Registered]:
    """Register jobs (see `registration.register`), and create jobs paused if their read-only members ask for it.

    `others`: the read-only members by key. Raises InvalidRegistration, also if a read-only member is wrong.
    """
    now, caller, actor = clock.now(), caller_of(request), actor_of(request)
    checked = [key for key, sent in others.items() if without_state(sent)]

    def finish(key: str) -> registration.Registered:
        each, sent = registered[key], others[key]
        if each.outcome is Outcome.CREATED:
            terms = StateAtCreation.read(sent).pause_of_new(now)
            check_new(sent, originals, lambda: after[each.job.pk], now)
            if terms:
                triggers.pause_new(each.job, now, actor=actor, terms=terms)
        else:
            check_state(sent)
            if key in before:
                check_sent_back(without_state(sent), before[key], after[each.job.pk], now)
        return each

    with transaction.atomic():
        found = registration.find_all(checked, caller)
        shown_before = shown_all(found.values(), request)
        before = {key: shown_before[job.pk] for key, job in found.items()}
        registered = registration.register(requested, now, actor=actor, caller=caller)
        after = shown_all([registered[key].job for key in checked], request)
        created = [key for key in checked if registered[key].outcome is Outcome.CREATED]
        originals = originals_of([others[key] for key in created], request)
        return _for_each(registered, finish)


def _for_each(keys: Iterable[str], act: Callable[[str], T]) -> dict[str, T]:
    """Return the result of `act` for each key. Raises InvalidRegistration if `act` raises InvalidInput for a key."""
    found: dict[str, T] = {}
    errors: dict[str, dict[str, list[str]]] = {}
    for key in keys:
        try:
            found[key] = act(key)
        except InvalidInput as invalid:
            errors[key] = invalid.errors
    if errors:
        raise InvalidRegistration(dict(islice(errors.items(), MAX_INVALID_JOBS)))
    return found


def _errors_by_place(invalid: InvalidRegistration, keys: list[str]) -> dict[str, list[str]]:
    """Return the errors of a registration by field of the request, such as `jobs.1.schedule.cron`."""
    return {
        f"jobs.{place}.{name}": texts
        for place, key in enumerate(keys)
        for name, texts in invalid.errors.get(key, {}).items()
    }
