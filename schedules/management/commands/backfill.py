"""`manage.py backfill`: run a job for past instants of its schedule, and show the progress.

Exit code 0: the backfill is done, cancelled, previewed, or started with `--no-wait`. Exit code 2: the arguments are
wrong, the job cannot be backfilled, PostgreSQL cannot be reached, or a database statement failed.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from access.visibility import ENGINE, visible
from executions import history
from executions.policies import Overlap
from executions.states import LIVE
from schedules.backfills import backfill
from schedules.backfills.requests import BACKFILL_OVERLAPS, BackfillRequest
from schedules.exceptions import InvalidDefinition, JobConflict, JobGone
from schedules.management.arguments import EXIT_REFUSED, find_job_id, needs_database, read_instant_option
from schedules.models import Backfill, BackfillMode, BackfillState, Job
from values import clock
from values.durations import read_duration
from values.readable import CannotRead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.core.management.base import CommandParser

    from executions.states import RunStatus

POLL_INTERVAL = 1.0  # seconds


class Command(BaseCommand):
    help = (
        "Run a job for past instants of its schedule. Beats open the runs. "
        "Unless `--no-wait` is given, the command waits until the runs have ended."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", help="name or id of the job")
        parser.add_argument(
            "--after",
            required=True,
            metavar="INSTANT",
            help="run the job only for instants later than this one (UTC unless it has an offset)",
        )
        parser.add_argument(
            "--until", metavar="INSTANT", help="run the job only for instants up to this one (default: now)"
        )
        parser.add_argument("--mode", choices=BackfillMode.values, default=BackfillMode.ALL.value)
        parser.add_argument(
            "--pace", metavar="DURATION", help="minimum time between the creation of two runs, such as 10s"
        )
        parser.add_argument("--overlap", choices=[each.value for each in BACKFILL_OVERLAPS], default="buffer_all")
        parser.add_argument("--max-runs", type=int, metavar="N", help="open at most N runs")
        parser.add_argument("--dry-run", action="store_true", help="show how many runs would start, and start none")
        parser.add_argument("--no-wait", action="store_true", help="do not wait for the runs")

    @needs_database()
    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        job, request = _find(options["job"]), _request(options, now)
        try:
            if options["dry_run"]:
                self._show_preview(backfill.preview(job, request, now))
                return
            created = backfill.start(job.pk, request, now, actor="manage.py")
        except InvalidDefinition as invalid:
            lines = [f"--{name.replace('_', '-')}: {' '.join(texts)}" for name, texts in invalid.errors.items()]
            raise CommandError("\n".join(lines), returncode=EXIT_REFUSED) from None
        except (JobConflict, JobGone, CannotRead) as refusal:
            raise CommandError(str(refusal) or "The job was deleted.", returncode=EXIT_REFUSED) from None
        self.stdout.write(f"Backfill {created.pk} of {job.name} started. Instants: {created.n_instants:,}.")
        if not options["no_wait"]:
            self._wait(created)

    def _show_preview(self, found: backfill.BackfillPreview) -> None:
        starts = f"{found.n_would_start:,}{' or more' if found.may_start_more else ''}"
        instants = f"{'more than ' if found.is_more else ''}{found.n_instants:,}"
        self.stdout.write(f"Runs would start for {starts} of {instants} instants.")
        if found.first_at and found.last_at:
            last = "Last counted" if found.may_start_more else "Last"
            self.stdout.write(
                f"First instant with a new run: {found.first_at:%Y-%m-%d %H:%M:%S} UTC. "
                f"{last}: {found.last_at:%Y-%m-%d %H:%M:%S} UTC."
            )

    def _wait(self, started: Backfill) -> None:
        """Print the progress whenever it changes, until the backfill and all its runs have ended."""
        counts, line = self._print_progress(started, "")
        while started.state == BackfillState.OPEN or not LIVE.isdisjoint(counts):
            time.sleep(POLL_INTERVAL)
            started.refresh_from_db()
            counts, line = self._print_progress(started, line)
        self.stdout.write(f"{started.get_state_display()}.")

    def _print_progress(self, started: Backfill, previous: str) -> tuple[Mapping[RunStatus, int], str]:
        """Print the line of progress unless it equals `previous`. Return the number of runs by status, and the line."""
        counts = history.count_by_status([started.pk])[started.pk]
        line = f"{started.n_seen:,} of {started.n_instants:,} instants handled; runs opened: {started.n_opened:,}"
        line += "".join(f", {status.value}: {n:,}" for status, n in sorted(counts.items()))
        if line != previous:
            self.stdout.write(line)
        return counts, line


def _request(options: dict[str, Any], now: datetime) -> BackfillRequest:
    return BackfillRequest(
        after=read_instant_option("--after", options["after"]) or now,
        until=read_instant_option("--until", options["until"]) or now,
        mode=BackfillMode(options["mode"]),
        pace=_duration(options["pace"]) if options["pace"] else None,
        overlap=Overlap(options["overlap"]),
        max_runs=options["max_runs"],
    )


def _duration(text: str) -> timedelta:
    try:
        return read_duration(text)
    except ValueError as error:
        raise CommandError(f"--pace {error}", returncode=EXIT_REFUSED) from error


def _find(wanted: str) -> Job:
    """Return the job with this id or name.

    Raises CommandError if there is no such job, or more than one job has the name.
    """
    job = visible(Job, ENGINE).select_related("spec").filter(pk=find_job_id(wanted)).first()
    if job is None:
        raise CommandError(f"There is no job with the id {wanted}.", returncode=EXIT_REFUSED)
    return job
