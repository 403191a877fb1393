"""`manage.py explain`: the occurrences of a job in a window, and what happened to each.

Exit code 0: no occurrence is missing. Exit code 1: there are gaps. Exit code 2: the arguments are wrong, there is no
such job, or PostgreSQL cannot be reached.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from access.visibility import ENGINE, visible
from schedules.clock.compare import Decision
from schedules.exceptions import JobGone
from schedules.ledger import account
from schedules.ledger.sentences import DECISION_LABELS, decision_count, describe_other_starts, with_sentences
from schedules.management.arguments import EXIT_REFUSED, find_job_id, needs_database, read_instant_option
from schedules.models import Job, Why
from schedules.zone_data import versions
from values import clock
from values.iso import iso_text

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from schedules.ledger.account import Entry

EXIT_GAPS = 1
TIME_WIDTH = len("2026-11-20 08:30:00.123456")  # characters of the first column


class Command(BaseCommand):
    help = (
        "Show what happened to each occurrence of a job in a window. "
        "Exit code: 0 if no occurrence is missing, 1 if there are gaps, 2 if the arguments are wrong, there is no such "
        "job, or the database cannot be reached."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", help="name or id of the job; for a deleted job, its id")
        parser.add_argument(
            "--after",
            metavar="INSTANT",
            help="show only occurrences later than this instant "
            "(UTC unless it has an offset; default: 24 h before --until)",
        )
        parser.add_argument(
            "--until",
            metavar="INSTANT",
            help="show only occurrences up to this instant (UTC unless it has an offset; default: now)",
        )
        parser.add_argument("--gaps", action="store_true", help="show only missing occurrences (gaps)")
        parser.add_argument("--json", action="store_true", help="print one JSON object per line instead of a table")

    @needs_database()
    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        until = read_instant_option("--until", options["until"]) or now
        after = read_instant_option("--after", options["after"]) or until - account.DEFAULT_WINDOW
        if after >= until:
            raise CommandError("--after must be earlier than --until.", returncode=EXIT_REFUSED)
        counts: Counter[Decision] = Counter()
        zone_data = versions.present()
        try:
            job_id = find_job_id(options["job"])
            for entry, text in with_sentences(account.entries(job_id, after, until, now), now):
                counts[entry.decision] += entry.n_occurrences
                if not options["gaps"] or entry.decision is Decision.GAP:
                    self.stdout.write(
                        json.dumps(_json(entry, text, zone_data)) if options["json"] else _line(entry, text)
                    )
        except JobGone:
            raise CommandError(f"There is no job with the id {options['job']}.", returncode=EXIT_REFUSED) from None
        if not options["json"]:
            for stoppage in account.stoppages_in(job_id, after, until):
                at = _exact(stoppage.raised_at or stoppage.found_at)
                self.stdout.write(f"{at:<{TIME_WIDTH}}  {'Watchdog':<13}  {Why(stoppage.why).label}")
            summary = _summary(counts, after, until, account.kept_since(now))
            self.stdout.write(f"Time zone data: {zone_data}. {summary}")
            job = visible(Job, ENGINE).filter(pk=job_id).first()
            if job and (note := describe_other_starts(job)):
                self.stdout.write(f"{note} Runs of the job: {reverse('job-runs', args=[job_id])}")
        if counts[Decision.GAP]:
            sys.exit(EXIT_GAPS)


def _line(entry: Entry, text: str) -> str:
    when = f"{_exact(entry.at)} … {_exact(entry.last_at)}" if entry.n_occurrences > 1 else _exact(entry.at)
    return f"{when:<{TIME_WIDTH}}  {DECISION_LABELS[entry.decision][0]:<13}  {text}"


def _summary(counts: Counter[Decision], after: datetime, until: datetime, kept_since: datetime) -> str:
    counted = ", ".join(decision_count(kind, n) for kind, n in counts.items()) or "no occurrence"
    text = f"After {_exact(after)} until {_exact(until)} UTC: {counted}."
    if after < kept_since:
        text += (
            f" Runs from before {_exact(kept_since)} may have been pruned: earlier occurrences do not count as gaps."
        )
    return text


def _exact(at: datetime) -> str:
    text = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return text.removesuffix(".000000")


def _json(entry: Entry, text: str, zone_data: str) -> dict[str, Any]:
    return {
        "nominal_at": iso_text(entry.at),
        "last_nominal_at": iso_text(entry.last_at),
        "n_occurrences": entry.n_occurrences,
        "decision": entry.decision.value,
        "reason": (entry.record.reason or None) if entry.record else None,
        "run": str(entry.record.run_id) if entry.record else None,
        "planned_at": iso_text(entry.record.planned_at) if entry.record and entry.record.planned_at else None,
        "made_good_by": str(entry.made_good_by.run_id) if entry.made_good_by else None,
        "text": text,
        "timezone_data": zone_data,
    }
