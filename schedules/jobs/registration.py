"""Registers jobs under the caller's own keys: creates missing jobs, and changes jobs that differ."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from access.visibility import ENGINE, Action, changeable, require, scope_for_new, visible
from schedules import queries
from schedules.clock.effort import Effort
from schedules.exceptions import InvalidDefinition, InvalidRegistration
from schedules.jobs import chains, definitions, followups
from schedules.jobs.validation import validate
from schedules.models import MAX_JOB_KEY_LENGTH, Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from access.visibility import Caller
    from schedules.jobs.validation import Definition

MAX_JOBS_PER_REGISTRATION = 500  # they are validated and written in one transaction, which takes some seconds
MAX_REGISTRATION_STEPS = 300_000  # of `Effort`: about three seconds, for all schedules of a registration
MAX_INVALID_JOBS = 20  # validation stops here: nobody reads the errors of more jobs
KEY_PATTERN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_JOB_KEY_LENGTH - 1}}}")
KEY_RULE = f"1 to {MAX_JOB_KEY_LENGTH} characters long (letters, digits and `._:@-`), and start with a letter or digit"


class Outcome(StrEnum):
    """The result of a registration for one job."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Registered:
    job: Job
    outcome: Outcome


def is_key(text: str) -> bool:
    return KEY_PATTERN.fullmatch(text) is not None


def find(key: str, caller: Caller = ENGINE) -> Job | None:
    """Return the job with this key in the caller's scope; None if the caller can see no such job. Loads `spec` too."""
    return visible(Job, caller).select_related("spec").filter(scope_id=scope_for_new(caller), key=key).first()


def find_all(keys: Iterable[str], caller: Caller = ENGINE) -> dict[str, Job]:
    """Return the jobs with these keys that the caller may change, by key. Loads `spec` too."""
    jobs = changeable(Job, caller).select_related("spec")
    jobs = jobs.filter(scope_id=scope_for_new(caller), key__in=list(keys))
    return {str(job.key): job for job in jobs}


def register(
    requested: Mapping[str, Mapping[str, Any]], now: datetime, *, actor: str, caller: Caller = ENGINE
) -> dict[str, Registered]:
    """Create or change jobs, so that each job has its requested definition: all jobs or none.

    `requested` maps each key to the input of `validate`. A job that already has its definition is left unchanged: its
    clock and any pause stay. Raises InvalidRegistration with the wrong fields of up to `MAX_INVALID_JOBS` jobs;
    PermissionDenied if a key belongs to a job that the caller may not change.
    """
    try:
        return _register(requested, now, actor, caller, alone=False)
    except IntegrityError:
        # A key is taken, perhaps by a registration that has just committed: try again, and change that job.
        try:
            return _register(requested, now, actor, caller, alone=True)
        except IntegrityError as taken:  # no other registration runs now, so the caller may not change the job
            raise PermissionDenied("A requested key belongs to a job that you may not change.") from taken


def unregister(key: str, now: datetime, *, actor: str, caller: Caller = ENGINE) -> None:
    """Delete the job that is registered under a key, if there is one.

    Raises Http404 if the job is hidden from the caller, and PermissionDenied if the caller may not delete the job.
    """
    with transaction.atomic():
        for job_id in queries.lock_keys(scope_for_new(caller), [key]):
            require(caller, Action.DELETE, Job, job_id)
            definitions.delete(job_id, now, actor=actor)


@transaction.atomic
def _register(
    requested: Mapping[str, Mapping[str, Any]], now: datetime, actor: str, caller: Caller, *, alone: bool
) -> dict[str, Registered]:
    # A shared lock lets registrations run at the same time. After a conflict, an exclusive lock (`alone`) prevents
    # another registration from creating the key first.
    queries.lock_registration(alone=alone)
    jobs = find_all(requested, caller)
    valid = _validate(requested, now, jobs, caller)
    different = _find_different(valid, jobs, caller)
    if different:
        # Lock only the jobs that change, so that ticks of the other jobs do not wait. Compare again under the lock.
        queries.lock_keys(scope_for_new(caller), different)
        locked = find_all(different, caller)
        jobs = {key: job for key, job in jobs.items() if key not in different} | locked
        valid |= _validate({key: requested[key] for key in different}, now, locked, caller)
        different = _find_different(valid, locked, caller)
    # Every registration locks in the same order, so that no two deadlock: rows by key, then chains.
    new = sorted((key, definition) for key, definition in valid.items() if key not in jobs)
    created = (
        {str(job.key): job for job in definitions.create_many(new, now, actor=actor, caller=caller)} if new else {}
    )
    registered = {key: Registered(job, Outcome.UNCHANGED) for key, job in jobs.items()}
    registered |= {key: Registered(job, Outcome.CREATED) for key, job in created.items()}
    sources: set[UUID] = set()
    # Write jobs with chains last, because the lock of all chains is held until the commit.
    for key in sorted(different | created.keys(), key=lambda key: (bool(valid[key].start_after), key)):
        with _errors_of(key):
            if key in different:
                changed = definitions.replace(jobs[key].pk, valid[key], now, actor=actor, caller=caller)
                registered[key] = Registered(changed, Outcome.CHANGED)
            elif valid[key].start_after:
                sources |= definitions.store_chains(created[key], valid[key], caller)
    if sources:
        followups.update(sources)
    return {key: registered[key] for key in requested}


def _find_different(valid: Mapping[str, Definition], jobs: Mapping[str, Job], caller: Caller) -> set[str]:
    """Return the keys of the jobs that differ from their definitions."""
    links = chains.links_of([job.pk for job in jobs.values()], caller) if jobs else {}
    return {key for key, job in jobs.items() if definitions.changed_members(job, valid[key], links[job.pk].start_after)}


@contextmanager
def _errors_of(key: str) -> Iterator[None]:
    """Raise InvalidRegistration for the job `key` instead of InvalidDefinition.

    Writing a job can still fail, for example if the registered jobs start each other in a cycle.
    """
    try:
        yield
    except InvalidDefinition as invalid:
        raise InvalidRegistration({key: invalid.errors}) from invalid


def _validate(
    requested: Mapping[str, Mapping[str, Any]], now: datetime, jobs: Mapping[str, Job], caller: Caller
) -> dict[str, Definition]:
    """Return the validated definition of each key. Raises InvalidRegistration.

    If a job has the key, the definition is validated as a change of this job, otherwise as a new job.
    """
    valid: dict[str, Definition] = {}
    invalid_jobs: dict[str, dict[str, list[str]]] = {}
    effort = Effort(MAX_REGISTRATION_STEPS)
    for key, data in requested.items():
        try:
            valid[key] = validate(data, now, jobs.get(key), caller=caller, effort=effort)
        except InvalidDefinition as invalid:
            invalid_jobs[key] = invalid.errors
            if len(invalid_jobs) == MAX_INVALID_JOBS or effort.left < 0:
                break
    if invalid_jobs:
        raise InvalidRegistration(invalid_jobs)
    return valid
