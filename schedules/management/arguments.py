"""Shared by the commands: finds a job by id or name, reads instants, reports database errors without a traceback."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.management.base import CommandError

from access.visibility import ENGINE, visible
from schedules.clock.reading.members import read_instant
from schedules.models import HAS_PRESENT_SPEC, Job
from values.database import RETRYABLE_ERRORS, is_database_unavailable, one_line
from values.ids import read_id
from values.json_values import find_unstorable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

EXIT_REFUSED = 2
MAX_IDS_SHOWN = 10


@contextmanager
def needs_database() -> Iterator[None]:
    """Raise CommandError if PostgreSQL cannot be reached or a statement failed (`RETRYABLE_ERRORS`)."""
    try:
        yield
    except RETRYABLE_ERRORS as error:
        what = "The database cannot be reached" if is_database_unavailable(error) else "A statement failed"
        raise CommandError(f"{what}: {one_line(error)}", returncode=EXIT_REFUSED) from None


def find_job_id(wanted: str) -> UUID:
    """Return the id of a job. `wanted`: the name or the id of the job.

    Raises CommandError if no job or more than one job has the name. An id is returned even if no job has this id.
    """
    if job_id := read_id(wanted):
        return job_id
    named = visible(Job, ENGINE).filter(HAS_PRESENT_SPEC, spec__job_name=wanted).order_by("spec__job_id")
    ids = [] if find_unstorable(wanted) else list(named.values_list("pk", flat=True)[: MAX_IDS_SHOWN + 1])
    if len(ids) == 1:
        return ids[0]
    if not ids:
        raise CommandError(f"There is no job named {wanted!r}.", returncode=EXIT_REFUSED)
    more = ", …" if len(ids) > MAX_IDS_SHOWN else ""
    known = ", ".join(map(str, ids[:MAX_IDS_SHOWN]))
    raise CommandError(
        f"Several jobs are named {wanted!r}. Give the id of one of them: {known}{more}", returncode=EXIT_REFUSED
    )


def read_instant_option(option: str, text: str | None) -> datetime | None:
    """Return the instant that `text` names, None if `text` is None. An instant without an offset is in UTC.

    Raises CommandError for an invalid instant.
    """
    if text is None:
        return None
    try:
        return read_instant(text, "UTC")
    except ValueError as error:
        raise CommandError(f"{option}: {error}.", returncode=EXIT_REFUSED) from None
