"""Jobs under keys of the caller's own: what is new is made, what differs is changed, and the rest is left as it is."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from access.visibility import ENGINE, Action, changeable, require, scope_for_new, visible
from schedules import queries
from schedules.exceptions import InvalidDefinition, InvalidRegistration
from schedules.jobs import chains, definitions, followed
from schedules.jobs.validation import validate
from schedules.models import Job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from access.visibility import Caller
    from schedules.jobs.validation import Definition

MOST = 500  # jobs in one registration
MAX_KEY = 255
KEY = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:@-]{{0,{MAX_KEY - 1}}}")
KEY_WORDS = f"letters, digits and . _ : @ -, at most {MAX_KEY} of them, a letter or digit first"
MOST_WRONG = 20  # jobs, after which no more are looked at


class Outcome(StrEnum):
    """What a registration did to one job."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Registered:
    job: Job
    outcome: Outcome


def is_key(text: str) -> bool:
    return KEY.fullmatch(text) is not None


def find(key: str, caller: Caller = ENGINE) -> Job | None:
    """Return the job that is known under a key."""
    jobs = visible(Job, caller).select_related("spec")
    return jobs.filter(scope_id=scope_for_new(caller), key=key).first()


def register(
    wanted: Mapping[str, Mapping[str, Any]], now: datetime, *, actor: str, caller: Caller = ENGINE
) -> dict[str, Registered]:
    """Have each of these keys stand for a job with this definition, all of them or none.

    A definition is what `validate` takes. A job that is as it is wanted is not touched: neither its clock, nor a pause.
    Raises InvalidRegistration with what is wrong with each.
    """
    try:
        return _register(wanted, now, actor, caller, alone=False)
    except IntegrityError:  # somebody has just registered one of these keys: now there is such a job
        return _register(wanted, now, actor, caller, alone=True)


def unregister(key: str, now: datetime, *, actor: str, caller: Caller = ENGINE) -> None:
    """Delete the job that is known under a key, if there is one."""
    with transaction.atomic():
        for job_id in queries.lock_keys(scope_for_new(caller), [key]):
            require(caller, Action.DELETE, Job, job_id)
            definitions.delete(job_id, now, actor=actor)


@transaction.atomic
def _register(
    wanted: Mapping[str, Mapping[str, Any]], now: datetime, actor: str, caller: Caller, *, alone: bool
) -> dict[str, Registered]:
    queries.lock_registration(alone=alone)
    jobs = _known(wanted, caller)
    valid = _validate(wanted, now, jobs, caller)
    differing = _differing(valid, jobs)
    if differing:  # only these are locked, and looked at again under the lock; the others' clocks go on meanwhile
        queries.lock_keys(scope_for_new(caller), differing)
        locked = _known(differing, caller)
        jobs = {key: job for key, job in jobs.items() if key not in differing} | locked
        valid |= _validate({key: wanted[key] for key in differing}, now, locked, caller)
        differing = _differing(valid, locked)
    # All rows before any chain, and new keys in one order: of two registrations none waits for what the other waits for.
    new = sorted((key, definition) for key, definition in valid.items() if key not in jobs)
    made = {str(job.key): job for job in definitions.create_many(new, now, actor=actor, caller=caller)} if new else {}
    found = {key: Registered(job, Outcome.UNCHANGED) for key, job in jobs.items()}
    found |= {key: Registered(job, Outcome.CREATED) for key, job in made.items()}
    started_after: set[UUID] = set()
    # What has chains comes last: the lock of all chains is held until the end.
    for key in sorted(differing | made.keys(), key=lambda key: (bool(valid[key].start_after), key)):
        with _about(key):
            if key in differing:
                changed = definitions.replace(jobs[key].pk, valid[key], now, actor=actor)
                found[key] = Registered(changed, Outcome.CHANGED)
            elif valid[key].start_after:
                started_after |= definitions.store_chains(made[key], valid[key])
    if started_after:
        followed.review(started_after)
    return {key: found[key] for key in wanted}


def _known(keys: Iterable[str], caller: Caller) -> dict[str, Job]:
    jobs = changeable(Job, caller).select_related("spec")
    jobs = jobs.filter(scope_id=scope_for_new(caller), key__in=list(keys))
    return {str(job.key): job for job in jobs}


def _differing(valid: Mapping[str, Definition], jobs: Mapping[str, Job]) -> set[str]:
    """The keys of jobs that differ from what they are to be."""
    links = chains.links_of([job.pk for job in jobs.values()]) if jobs else {}
    return {key for key, job in jobs.items() if definitions.changed_members(job, valid[key], links[job.pk].start_after)}


@contextmanager
def _about(key: str) -> Iterator[None]:
    """Tell which job closes a circle of chains with another one that is registered with it."""
    try:
        yield
    except InvalidDefinition as invalid:
        raise InvalidRegistration({key: invalid.errors}) from invalid


def _validate(
    wanted: Mapping[str, Mapping[str, Any]], now: datetime, jobs: Mapping[str, Job], caller: Caller
) -> dict[str, Definition]:
    valid: dict[str, Definition] = {}
    wrong: dict[str, dict[str, list[str]]] = {}
    for key, data in wanted.items():
        try:
            valid[key] = validate(data, now, jobs.get(key), caller=caller)
        except InvalidDefinition as invalid:
            wrong[key] = invalid.errors
            if len(wrong) == MOST_WRONG:
                break
    if wrong:
        raise InvalidRegistration(wrong)
    return valid
