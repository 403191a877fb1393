"""Chains: which jobs start when runs of others have ended. Reading, judging and storing them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, Q
from pydantic import BaseModel, ConfigDict, Field

from access.visibility import ENGINE, scope_for_new, visible
from schedules import queries
from schedules.exceptions import InvalidDefinition
from schedules.models import Chain, Job, On

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from access.visibility import Caller

MOST_SOURCES = 20  # jobs that one job starts after
MOST_STARTED = 1000  # jobs that start after one job
SHOWN = 60  # characters of a name, in a sentence about a circle


class StartAfter(BaseModel):
    """Another job, and which ends of its runs start this one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: UUID = Field(description="Id of the other job.")
    on: On = Field(
        On.SUCCESS,
        description="`success`: its run succeeded. `failure`: it failed, retries included. `completion`: it ended, be it "
        "cancelled. An occurrence that did not start starts nothing.",
    )


@dataclass(frozen=True, slots=True)
class Links:
    """What a job starts after, and what starts after it: the other job and on which ends."""

    start_after: Sequence[StartAfter] = ()
    starts: Sequence[StartAfter] = ()


def judge(
    links: Sequence[StartAfter], job_id: UUID | None, caller: Caller = ENGINE, scope_id: int | None = None
) -> None:
    """Check that these jobs exist in the job's scope, are named once, and form no circle. Raises InvalidDefinition.

    `scope_id` None: the job is new, and belongs to the scope in which the caller creates jobs.
    """
    errors: dict[str, list[str]] = {}
    wanted = [link.job for link in links]
    scope_id = scope_for_new(caller) if scope_id is None else scope_id
    found = set(visible(Job, caller).filter(pk__in=wanted, scope_id=scope_id).values_list("pk", flat=True))
    others = Chain.objects.filter(source_id__in=wanted).exclude(job_id=job_id or UUID(int=0)).order_by()
    n_started = dict(others.values_list("source_id").annotate(n=Count("pk")))
    n_named = Counter(wanted)
    leads_to = _ways_up(wanted) if job_id else {}
    for place, other in enumerate(wanted):
        field = f"start_after.{place}.job"
        if other == job_id:
            errors[field] = ["A job can't start after itself."]
        elif other not in found:
            errors[field] = [f"There is no job {other}."]
        elif n_named[other] > 1:
            errors[field] = ["A job is named once: `completion` stands for success and failure."]
        elif job_id and (circle := _circle(leads_to, other, job_id)):
            errors[field] = [_told(circle, caller)]
        elif n_started.get(other, 0) >= MOST_STARTED:
            errors[field] = [f"{MOST_STARTED} jobs start after this one already, and no more can."]
    if errors:
        raise InvalidDefinition(errors)


def lock() -> None:
    """Keep everybody else from changing chains until the transaction ends. Taken after the row of a job, never before."""
    queries.lock_chains()


def store(job_id: UUID, links: Sequence[StartAfter], scope_id: int | None = None) -> set[UUID]:
    """Have a job start after these, and no others; returns the jobs after which it started before, or does now.

    Under `lock`, so that of two changes neither closes a circle with the other. Raises InvalidDefinition.
    """
    judge(links, job_id, scope_id=scope_id)
    before = Chain.objects.filter(job_id=job_id)
    touched = set(before.values_list("source_id", flat=True)) | {link.job for link in links}
    before.delete()
    Chain.objects.bulk_create(Chain(source_id=link.job, job_id=job_id, on=link.on) for link in links)
    return touched


def drop(job_id: UUID) -> tuple[set[UUID], list[UUID]]:
    """Take a job out of all chains, under `lock`; returns after which it started, and which started after it."""
    links = list(Chain.objects.filter(Q(job_id=job_id) | Q(source_id=job_id)))
    Chain.objects.filter(pk__in=[link.pk for link in links]).delete()
    sources = {link.source_id for link in links if link.job_id == job_id}
    return sources, [link.job_id for link in links if link.source_id == job_id]


def of(job_id: UUID) -> tuple[StartAfter, ...]:
    """Return what a job starts after."""
    rows = Chain.objects.filter(job_id=job_id)
    return tuple(StartAfter(job=row.source_id, on=On(row.on)) for row in rows)


def starts_any(job_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these jobs after which others start."""
    return set(Chain.objects.filter(source_id__in=job_ids).order_by().values_list("source_id", flat=True).distinct())


def started_by(job_ids: Collection[UUID]) -> Mapping[UUID, list[tuple[UUID, On]]]:
    """Return by job those that start after it, and on which ends."""
    found: dict[UUID, list[tuple[UUID, On]]] = defaultdict(list)
    for row in Chain.objects.filter(source_id__in=job_ids):
        found[row.source_id].append((row.job_id, On(row.on)))
    return found


def links_of(job_ids: Collection[UUID], caller: Caller = ENGINE) -> Mapping[UUID, Links]:
    """Return the chains that these jobs are in, in both directions. One query."""
    after: dict[UUID, list[StartAfter]] = defaultdict(list)
    starts: dict[UUID, list[StartAfter]] = defaultdict(list)
    for row in visible(Chain, caller).filter(Q(job_id__in=job_ids) | Q(source_id__in=job_ids)):
        after[row.job_id].append(StartAfter(job=row.source_id, on=On(row.on)))
        starts[row.source_id].append(StartAfter(job=row.job_id, on=On(row.on)))
    return {job_id: Links(after[job_id], starts[job_id]) for job_id in job_ids}


def as_json(links: Sequence[StartAfter]) -> list[dict[str, Any]]:
    """Return them as a definition has them."""
    return [link.model_dump(mode="json") for link in links]


def _ways_up(job_ids: Collection[UUID]) -> Mapping[UUID, list[UUID]]:
    """By job, those after which it starts: of these jobs, and of all that they go back to."""
    ways: dict[UUID, list[UUID]] = defaultdict(list)
    for source_id, job_id in queries.chains_above(job_ids):
        ways[job_id].append(source_id)
    return ways


def _circle(ways: Mapping[UUID, list[UUID]], start: UUID, end: UUID) -> list[UUID]:
    """The shortest way from one job back to another, both included; empty when there is none."""
    came_from: dict[UUID, UUID | None] = {start: None}
    line = [start]
    for here in line:  # grows on the way
        if here == end:
            way, step = [], came_from[here]
            while step is not None:
                way.append(step)
                step = came_from[step]
            return [end, *way]
        for onward in ways.get(here, ()):
            if onward not in came_from:
                came_from[onward] = here
                line.append(onward)
    return []


def _told(circle: Sequence[UUID], caller: Caller) -> str:
    named = visible(Job, caller).filter(pk__in=circle).values_list("pk", "name")
    names = {pk: name[:SHOWN] for pk, name in named}
    steps = [f"“{names.get(job_id, job_id)}”" for job_id in (*circle, circle[0])]
    if len(steps) > 8:
        steps = [*steps[:4], "…", *steps[-3:]]
    return f"That goes round in a circle: {' starts '.join(steps)}."
