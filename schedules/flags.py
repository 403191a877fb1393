"""Feature flags: which are on, and what people do to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import Count
from django.db.models.fields.json import KeyTextTransform

from schedules.exceptions import FlagInUse
from schedules.models import FeatureFlag, Job

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

log = structlog.get_logger(__name__)

MAX_DESCRIPTION = 1000


def off(names: Collection[str]) -> frozenset[str]:
    """Return those of these flags that are off, or unknown. No query without names."""
    if not names:
        return frozenset()
    is_on = FeatureFlag.objects.filter(name__in=names, is_on=True).values_list("name", flat=True)
    return frozenset(names) - frozenset(is_on)


def exists(name: str) -> bool:
    return FeatureFlag.objects.filter(name=name).exists()


def put(
    name: str, now: datetime, *, is_on: bool, actor: str, description: str | None = None
) -> tuple[FeatureFlag, bool]:
    """Make or change a flag; returns it, and whether it is new. It counts from the next pass of a beat on.

    Without a description it keeps the one that it has.
    """
    values = {"is_on": is_on, "changed_at": now, "changed_by": actor}
    if description is not None:
        values["description"] = description
    flag, is_new = FeatureFlag.objects.update_or_create(name=name, defaults=values)
    log.info("flag_set", action="flag", name=name, is_on=is_on, actor=actor)
    return flag, is_new


def delete(name: str, *, actor: str) -> bool:
    """Delete a flag; False when there is none. Raises FlagInUse while jobs name it."""
    with transaction.atomic():
        n_jobs = n_using([name]).get(name, 0)
        if n_jobs:
            raise FlagInUse(f"{n_jobs} {'job names' if n_jobs == 1 else 'jobs name'} this flag: change them before.")
        n_deleted, _ = FeatureFlag.objects.filter(name=name).delete()
    if n_deleted:
        log.info("flag_deleted", action="flag", name=name, actor=actor)
    return bool(n_deleted)


def n_using(names: Collection[str]) -> Mapping[str, int]:
    """Return how many jobs name each of these flags; those that none names are left out."""
    # That a job's definition is the present one is always so, and lets the index be used.
    flag = KeyTextTransform("feature_flag", "spec__policies")
    jobs = Job.objects.filter(spec__superseded_at=None).annotate(flag=flag).filter(flag__in=names)
    return dict(jobs.order_by().values_list("flag").annotate(n=Count("pk")))
