"""`manage.py backfill`: carry out instants of a job's past, and watch how far that has come.

Exit code: 0, every instant was looked at; 2, it cannot be done.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from access.visibility import ENGINE, visible
from executions import history
from executions.policies import Overlap
from schedules.backfills import backfill
from schedules.clock.reading.members import read_instant
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.models import Backfill, BackfillMode, BackfillState, Job
from values.durations import read_duration
from values.ids import read_id
from values.json_values import find_unstorable
from values.readable import CannotRead

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

FAILED = 2
LOOK_EVERY = 1.0  # seconds


class Command(BaseCommand):
    help = "Carry out instants of a job's past. Beats open the runs bit by bit; this command watches them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", help="name or id of the job")
        parser.add_argument("--after", required=True, metavar="INSTANT", help="instants later than this (UTC)")
        parser.add_argument("--until", metavar="INSTANT", help="instants up to this (default: now)")
        parser.add_argument("--mode", choices=BackfillMode.values, default=BackfillMode.ALL.value)
        parser.add_argument("--pace", metavar="LENGTH", help="time between two starts, such as 10s")
        parser.add_argument("--overlap", choices=[each.value for each in backfill.OVERLAPS], default="buffer_all")
        parser.add_argument("--max-runs", type=int, metavar="N", help="open so many runs at the most")
        parser.add_argument("--dry-run", action="store_true", help="say what would be opened, and open nothing")
        parser.add_argument("--no-wait", action="store_true", help="do not watch it")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        job, wanted = _find(options["job"]), _wanted(options, now)
        try:
            if options["dry_run"]:
                self._tell(backfill.preview(job, wanted, now))
                return
            made = backfill.start(job.pk, wanted, now, actor="manage.py")
        except InvalidDefinition as invalid:
            told = [f"--{name}: {' '.join(texts)}" for name, texts in invalid.errors.items()]
            raise CommandError("\n".join(told), returncode=FAILED) from None
        except (JobConflict, JobGone, CannotRead) as refusal:
            raise CommandError(str(refusal) or "The job was deleted meanwhile.", returncode=FAILED) from None
        self.stdout.write(f"Backfill {made.pk} of {job.name}: {made.n_instants:,} instants.")
        if not options["no_wait"]:
            self._watch(made)

    def _tell(self, found: backfill.BackfillPreview) -> None:
        more = " or more" if found.is_more else ""
        self.stdout.write(f"{found.n_would_start:,}{more} of {found.n_instants:,}{more} instants would start.")
        if found.first_at and found.last_at:
            self.stdout.write(
                f"The first is {found.first_at:%Y-%m-%d %H:%M:%S} UTC, the last {found.last_at:%Y-%m-%d %H:%M:%S} UTC."
            )

    def _watch(self, made: Backfill) -> None:
        """Say how far it has come, each time that this has changed, until its runs are over."""
        line = self._say(made, "")
        while not _is_over(made):
            time.sleep(LOOK_EVERY)
            made.refresh_from_db()
            line = self._say(made, line)
        self.stdout.write(f"{made.get_state_display()}.")

    def _say(self, made: Backfill, before: str) -> str:
        line = f"{made.n_seen:,} of {made.n_instants:,} looked at, {made.n_opened:,} opened"
        line += "".join(f", {n:,} {status.value}" for status, n in sorted(history.count_by_status(made.pk).items()))
        if line != before:
            self.stdout.write(line)
        return line


def _is_over(made: Backfill) -> bool:
    return made.state != BackfillState.OPEN and not history.count_live(made.pk)


def _wanted(options: dict[str, Any], now: datetime) -> backfill.BackfillRequest:
    return backfill.BackfillRequest(
        after=_instant("after", options["after"]),
        until=_instant("until", options["until"]) if options["until"] else now,
        mode=BackfillMode(options["mode"]),
        pace=_length(options["pace"]) if options["pace"] else None,
        overlap=Overlap(options["overlap"]),
        max_runs=options["max_runs"],
    )


def _instant(name: str, text: str) -> datetime:
    try:
        return read_instant(text, "UTC")
    except ValueError as error:
        raise CommandError(f"--{name} {error}", returncode=FAILED) from error


def _length(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise CommandError(f"--pace {error}", returncode=FAILED) from error


def _find(wanted: str) -> Job:
    """A job, by its id or its name."""
    found = visible(Job, ENGINE).select_related("spec")
    if job_id := read_id(wanted):
        jobs = list(found.filter(pk=job_id))
    else:
        jobs = (
            [] if find_unstorable(wanted) else list(found.filter(spec__job_name=wanted, spec__superseded_at=None)[:2])
        )
    if not jobs:
        raise CommandError(f"There is no job {wanted!r}.", returncode=FAILED)
    if len(jobs) > 1:
        raise CommandError(f"Several jobs are named {wanted!r}: give the id of one.", returncode=FAILED)
    return jobs[0]
