"""What is left of runs that retention has deleted: the latest started run of each job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from access.visibility import visible
from executions.models import PrunedRun, Run

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from access.visibility import Caller


def latest_pruned(job_ids: Collection[UUID], caller: Caller) -> dict[UUID, PrunedRun]:
    """Return the latest started run of each of these jobs, by job id, if retention has deleted this run. One query."""
    later = visible(Run, caller).filter(job_id=OuterRef("job_id"), nominal_at__gt=OuterRef("nominal_at"))
    rows = visible(PrunedRun, caller).filter(~Exists(later.filter(started_at__isnull=False)), job_id__in=job_ids)
    return {row.job_id: row for row in rows}
