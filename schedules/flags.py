"""Feature flags: which are on, and what people do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.db.models.fields.json import KeyTextTransform

from access.visibility import ENGINE, Action, changeable, limit, visible
from schedules.exceptions import FlagInUse
from schedules.models import FeatureFlag, Job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from access.visibility import Caller

log = structlog.get_logger(__name__)

MAX_DESCRIPTION = 1000


def off(names: Collection[str]) -> frozenset[str]:
    """Return those of these flags that are off, or unknown. No query without names."""
    if not names:
        return frozenset()
    is_on = FeatureFlag.objects.filter(name__in=names, is_on=True).values_list("name", flat=True)
    return frozenset(names) - frozenset(is_on)


def exists(name: str, caller: Caller = ENGINE) -> bool:
    return visible(FeatureFlag, caller).filter(name=name).exists()


def is_used(name: str) -> bool:
    """Return whether a job names the flag, also one that the caller may not see: no flag is deleted under a job."""
    return bool(n_using([name]))


def put(
    name: str,
    now: datetime,
    *,
    is_on: bool,
    actor: str,
    description: str | None = None,
    caller: Caller = ENGINE,
) -> tuple[FeatureFlag, bool]:
    """Make or change a flag; returns it, and whether it is new. It counts from the next pass of a beat on.

    Without a description it keeps the one that it has. Raises PermissionDenied for a flag that the caller may not change.
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
    """Delete a flag; False when there is none that the caller may delete. Raises FlagInUse while jobs name it."""
    with transaction.atomic():
        flag = limit(FeatureFlag.objects.filter(name=name), caller, Action.DELETE)
        if is_used(name) and flag.exists():
            n_jobs = n_using([name], caller).get(name, 0)
            used_by = f"{n_jobs} {'job names' if n_jobs == 1 else 'jobs name'}" if n_jobs else "Jobs of others name"
            raise FlagInUse(f"{used_by} this flag: change them before.")
        n_deleted, _ = flag.delete()
    if n_deleted:
        log.info("flag_deleted", action="flag", name=name, actor=actor)
    return bool(n_deleted)


def n_using(names: Collection[str], caller: Caller = ENGINE) -> Mapping[str, int]:
    """Return how many jobs name each of these flags; those that none names are left out."""
    # That a job's definition is the present one is always so, and lets the index be used.
    flag = KeyTextTransform("feature_flag", "spec__policies")
    jobs = visible(Job, caller).filter(spec__superseded_at=None).annotate(flag=flag).filter(flag__in=names)
    return dict(jobs.order_by().values_list("flag").annotate(n=Count("pk")))
