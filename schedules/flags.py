"""Feature flags: finds flags that are off, and creates, changes and deletes flags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.db.models.fields.json import KeyTextTransform

from access.visibility import ENGINE, Action, changeable, limit, visible
from schedules.exceptions import FlagInUse
from schedules.models import HAS_PRESENT_SPEC, FeatureFlag, Job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from access.visibility import Caller

log = structlog.get_logger(__name__)


def find_off(names: Collection[str]) -> frozenset[str]:
    """Return each name in `names` whose flag is off or does not exist. No query if `names` is empty."""
    if not names:
        return frozenset()
    is_on = FeatureFlag.objects.filter(name__in=names, is_on=True).values_list("name", flat=True)
    return frozenset(names) - frozenset(is_on)


def exists(name: str, caller: Caller = ENGINE) -> bool:
    """Whether there is a flag with this name, on or off, that the caller may see."""
    return visible(FeatureFlag, caller).filter(name=name).exists()


def is_used(name: str) -> bool:
    """Whether any job names the flag, even a job that the caller may not see. A used flag cannot be deleted."""
    return bool(count_jobs_naming([name]))


def put(
    name: str,
    now: datetime,
    *,
    is_on: bool,
    actor: str,
    description: str | None = None,
    caller: Caller = ENGINE,
) -> tuple[FeatureFlag, bool]:
    """Create or change a flag. Return the flag, and whether it is new. The next pass of a beat uses the new state.

    `description` None keeps the current description. Raises PermissionDenied if the caller may not change the flag.
    """
    values = {"is_on": is_on, "changed_at": now, "changed_by": actor}
    if description is not None:
        values["description"] = description
    try:
        flag, is_new = changeable(FeatureFlag, caller).update_or_create(name=name, defaults=values)
    except IntegrityError as taken:  # names are unique across all scopes
        raise PermissionDenied("You may not change this flag.") from taken
    log.info("flag_set", action="flag", name=name, is_on=is_on, actor=actor)
    return flag, is_new


def delete(name: str, *, actor: str, caller: Caller = ENGINE) -> bool:
    """Delete a flag. Return False if it is missing or the caller may not delete it.

    Raises FlagInUse if a job names the flag, even a job that the caller may not see.
    """
    with transaction.atomic():
        flag = limit(FeatureFlag.objects.filter(name=name), caller, Action.DELETE)
        if is_used(name) and flag.exists():
            n_jobs = count_jobs_naming([name], caller).get(name, 0)
            these = "job uses this flag: change that job" if n_jobs == 1 else "jobs use this flag: change those jobs"
            raise FlagInUse(f"{n_jobs or 'Other'} {these} first.")
        n_deleted, _ = flag.delete()
    if n_deleted:
        log.info("flag_deleted", action="flag", name=name, actor=actor)
    return bool(n_deleted)


def count_jobs_naming(names: Collection[str], caller: Caller = ENGINE) -> Mapping[str, int]:
    """Map each flag of `names` to the number of jobs that use it. Counts only jobs that `caller` may see.

    A flag without such jobs is left out.
    """
    flag = KeyTextTransform("feature_flag", "spec__policies")
    jobs = visible(Job, caller).filter(HAS_PRESENT_SPEC).annotate(flag=flag).filter(flag__in=names)
    return dict(jobs.order_by().values_list("flag").annotate(n=Count("pk")))
