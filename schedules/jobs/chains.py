"""Chains: links that start a job when a run of another job has ended. Reads, checks and stores chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, Q
from pydantic import BaseModel, ConfigDict, Field

from access.visibility import ENGINE, may_read, scope_for_new, visible
from schedules import queries
from schedules.exceptions import InvalidDefinition
from schedules.models import Chain, Job, On

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from access.visibility import Caller

MAX_SOURCES = 20  # jobs in one `start_after`: each job is checked and shown
MAX_CHAINED_JOBS = 1000  # jobs that start after one job: the end of a run opens all their runs in one transaction
MAX_NAME_LENGTH_IN_ERRORS = 60  # characters: the error for a cycle names up to eight jobs
MAX_CYCLE_SHOWN = 8  # names in the error for a cycle; a longer cycle is cut to its first four and last three names


class StartAfter(BaseModel):
    """Another job, and which result of its runs starts this job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: UUID = Field(description="Id of the other job.")
    on: On = Field(
        On.SUCCESS,
        description="`success`: a run succeeded. `failure`: a run failed and will not be retried. `completion`: a run "
        "succeeded, failed or was cancelled. Skipped occurrences and runs of backfills start no job.",
    )


@dataclass(frozen=True, slots=True)
class Links:
    """The chains of a job: the jobs that start it, and the jobs that it starts."""

    start_after: Sequence[StartAfter] = ()  # the jobs that start this job
    starts: Sequence[StartAfter] = ()  # the jobs that this job starts


def check(
    links: Sequence[StartAfter], job_id: UUID | None, caller: Caller = ENGINE, scope_id: int | None = None
) -> None:
    """Raise InvalidDefinition unless the job `job_id` (None: a new job) may start after the jobs of `links`.

    Each job of `links` must exist in the scope, be visible to the caller, be listed once, and start at most
    `MAX_CHAINED_JOBS` jobs. No chain may lead back to the job itself. `scope_id` None means the scope in which the
    caller creates jobs.
    """
    errors: dict[str, list[str]] = {}
    source_ids = [link.job for link in links]
    scope_id = scope_for_new(caller) if scope_id is None else scope_id
    sources = visible(Job, caller).filter(pk__in=source_ids, scope_id=scope_id)
    found = set(sources.values_list("pk", flat=True)) if may_read(caller, Job) else set()
    # Do not count the job's own links: a job may be edited even if one of its sources is at the limit.
    others = Chain.objects.filter(source_id__in=source_ids).exclude(job_id=job_id or UUID(int=0)).order_by()
    n_chained = dict(others.values_list("source_id").annotate(n=Count("pk")))
    n_listed = Counter(source_ids)
    sources_of = _sources_above(source_ids) if job_id else {}  # no chain can lead back to a job that does not exist yet
    for place, source_id in enumerate(source_ids):
        field = f"start_after.{place}.job"
        if source_id == job_id:
            errors[field] = ["A job cannot start after itself: remove this entry."]
        elif source_id not in found:
            errors[field] = [f"There is no job {source_id}: give the id of an existing job, or remove this entry."]
        elif n_listed[source_id] > 1:
            errors[field] = [
                "This job is listed repeatedly: list it once. `completion` covers success, failure and cancellation."
            ]
        elif job_id and (chain := _find_chain(sources_of, job_id, source_id)):
            errors[field] = [_cycle_error(chain, caller)]
        elif n_chained.get(source_id, 0) >= MAX_CHAINED_JOBS:
            errors[field] = [f"This job already starts the maximum of {MAX_CHAINED_JOBS} jobs: choose another job."]
    if errors:
        raise InvalidDefinition(errors)


def lock() -> None:
    """Prevent other transactions from changing chains until the current transaction ends.

    Call it after locking a job's row, never before: two transactions with different orders of locks could deadlock.
    """
    queries.lock_chains()


def store(job_id: UUID, links: Sequence[StartAfter], caller: Caller = ENGINE, scope_id: int | None = None) -> set[UUID]:
    """Replace the chains that start a job, except chains from jobs that the caller may not see.

    Return the ids of the jobs from which the old and the new chains come. Call it under `lock`: otherwise two
    concurrent changes could together create a cycle. Raises InvalidDefinition.
    """
    check(links, job_id, caller, scope_id)
    before = visible(Chain, caller).filter(job_id=job_id)
    source_ids = set(before.values_list("source_id", flat=True)) | {link.job for link in links}
    before.delete()
    Chain.objects.bulk_create(Chain(source_id=link.job, job_id=job_id, on=link.on) for link in links)
    return source_ids


def drop(job_id: UUID) -> tuple[set[UUID], list[UUID]]:
    """Remove a job from all chains. Return the ids of the jobs that started it, and of the jobs that it started.

    Call it under `lock`.
    """
    links = list(Chain.objects.filter(Q(job_id=job_id) | Q(source_id=job_id)))
    Chain.objects.filter(pk__in=[link.pk for link in links]).delete()
    sources = {link.source_id for link in links if link.job_id == job_id}
    return sources, [link.job_id for link in links if link.source_id == job_id]


def of(job_id: UUID, caller: Caller = ENGINE) -> tuple[StartAfter, ...]:
    """Return the chains that start this job, without chains that the caller may not see."""
    rows = visible(Chain, caller).filter(job_id=job_id)
    return tuple(StartAfter(job=row.source_id, on=On(row.on)) for row in rows)


def starts_any(job_ids: Collection[UUID]) -> set[UUID]:
    """Return each id in `job_ids` whose job starts another job."""
    return set(Chain.objects.filter(source_id__in=job_ids).order_by().values_list("source_id", flat=True).distinct())


def started_by(job_ids: Collection[UUID]) -> Mapping[UUID, list[tuple[UUID, On]]]:
    """Map each job of `job_ids` to the jobs that it starts, as pairs of job id and required result (`On`)."""
    found: dict[UUID, list[tuple[UUID, On]]] = defaultdict(list)
    for row in Chain.objects.filter(source_id__in=job_ids):
        found[row.source_id].append((row.job_id, On(row.on)))
    return found


def links_of(job_ids: Collection[UUID], caller: Caller = ENGINE) -> Mapping[UUID, Links]:
    """Map each job of `job_ids` to its chains in both directions, as far as the caller may see them. One query."""
    after: dict[UUID, list[StartAfter]] = defaultdict(list)
    starts: dict[UUID, list[StartAfter]] = defaultdict(list)
    for row in visible(Chain, caller).filter(Q(job_id__in=job_ids) | Q(source_id__in=job_ids)):
        after[row.job_id].append(StartAfter(job=row.source_id, on=On(row.on)))
        starts[row.source_id].append(StartAfter(job=row.job_id, on=On(row.on)))
    return {job_id: Links(after[job_id], starts[job_id]) for job_id in job_ids}


def as_json(links: Sequence[StartAfter]) -> list[dict[str, Any]]:
    """Convert links to the JSON of the member `start_after`."""
    return [link.model_dump(mode="json") for link in links]


def _sources_above(job_ids: Collection[UUID]) -> Mapping[UUID, list[UUID]]:
    """Return the direct sources of each job of `job_ids`, and of each direct or indirect source of these jobs.

    The result maps a job to its direct sources. A job without sources is left out. One query.
    """
    sources: dict[UUID, list[UUID]] = defaultdict(list)
    for source_id, job_id in queries.chains_above(job_ids):
        sources[job_id].append(source_id)
    return sources


def _find_chain(sources_of: Mapping[UUID, list[UUID]], first: UUID, last: UUID) -> list[UUID]:
    """Return the jobs of the shortest chain from `first` to `last`, both included; an empty list if there is none."""
    next_in_chain: dict[UUID, UUID | None] = {last: None}
    queue = [last]
    for job_id in queue:  # breadth-first search from `last`; the loop body appends to `queue`
        if job_id == first:
            chain, step = [first], next_in_chain[first]
            while step is not None:
                chain.append(step)
                step = next_in_chain[step]
            return chain
        for source_id in sources_of.get(job_id, ()):
            if source_id not in next_in_chain:
                next_in_chain[source_id] = job_id
                queue.append(source_id)
    return []


def _cycle_error(chain: Sequence[UUID], caller: Caller) -> str:
    names = dict(visible(Job, caller).filter(pk__in=chain).values_list("pk", "name"))
    steps = [f"“{names.get(job_id, str(job_id))[:MAX_NAME_LENGTH_IN_ERRORS]}”" for job_id in (*chain, chain[0])]
    if len(steps) > MAX_CYCLE_SHOWN:
        steps = [*steps[:4], "…", *steps[-3:]]
    return f"This closes a cycle: {' starts '.join(steps)}. Remove this entry, or break the cycle elsewhere."
