"""View of a job's ledger: the scheduled occurrences in a window, and what happened to each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from uuid import UUID

from django.urls import reverse
from pydantic import Field
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from access.api.exceptions import InvalidInput
from access.api.parameters import Instant, Parameters
from access.api.schema import Shape, operation
from access.api.views import ApiView
from access.visibility import Action, caller_of, visible
from executions.api import milliseconds
from executions.runs import Run
from schedules.api import examples
from schedules.clock.compare import Decision
from schedules.exceptions import JobGone
from schedules.ledger import account as ledger_account
from schedules.ledger.sentences import describe_other_starts, with_sentences
from schedules.models import Job, Why
from schedules.zone_data import versions
from values import clock
from values.ids import EPOCH
from values.iso import iso_text
from values.readable import reasons_by_part

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs, Subjects
    from schedules.ledger.account import Entry
    from schedules.models import Stoppage

MAX_ENTRIES_PER_PAGE = 1000  # a page is built in memory, with a sentence for each entry


class Window(Parameters):
    """The window of the ledger, and the entries to return."""

    after: Instant | None = Field(None, description="Start of the window, excluded. Default: 24 hours before `until`.")
    until: Instant | None = Field(
        None, description="End of the window, included. Default: now. A future instant adds upcoming occurrences."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES_PER_PAGE)] = Field(
        200, description="Maximum number of entries on a page."
    )
    only: Literal["gaps"] | None = Field(None, description="`gaps`: return only the gaps.")


class LedgerRun(Shape):
    """The run of a ledger entry."""

    id: UUID
    status: str
    started_at: datetime | None = Field(description="When the first attempt started.")
    finished_at: datetime | None
    planned_at: datetime | None = Field(
        description="Planned start if jitter or the pace of a catch-up delays the run; otherwise null."
    )
    lateness_ms: int | None = Field(description="Milliseconds from the nominal instant to the first attempt.")
    behind_plan_ms: int | None = Field(description="Milliseconds from `planned_at` to the first attempt.")
    duration_ms: int | None = Field(description="Milliseconds from the first attempt to the end of the run.")
    link: str = Field(description="URL of the run.")


class LedgerEntry(Shape):
    """What happened to one occurrence, or to several occurrences that share a record."""

    nominal_at: datetime = Field(
        description="Nominal instant of the occurrence. If the entry covers several occurrences: nominal instant of "
        "the first occurrence."
    )
    last_nominal_at: datetime | None = Field(
        description="Nominal instant of the last of several occurrences; null for a single occurrence."
    )
    n_occurrences: int = Field(description="Number of occurrences that the entry covers.")
    decision: Decision = Field(
        description="`started`: a run was created. `skipped`: the occurrence did not start; `reason` says why. "
        "`pending`: the occurrence is due, and no beat has handled it yet. `paused`: it was due during a pause, and is "
        "not recorded yet. `gap`: it was due and has no record. `made_good`: it was a gap, and a backfill has created "
        "a run for it. `unexpected`: there is a record, but the job had no schedule with this instant. `upcoming`: the "
        "occurrence is not due yet."
    )
    reason: str | None = Field(description="Why the occurrence did not start, or null.", examples=["overlap"])
    text: str = Field(description="The entry in words.")
    run: LedgerRun | None = Field(description="The run that records the occurrence; null if there is no record.")
    made_good_by: UUID | None = Field(description="Id of the run that a backfill created for this instant, or null.")


class Incident(Shape):
    """A stoppage that the watchdog reported: a fault that kept the job from running on schedule."""

    why: Why
    text: str = Field(description="The reason `why`, as a sentence.")
    found_at: datetime = Field(description="When the stoppage was found.")
    raised_at: datetime = Field(description="When the watchdog reported the stoppage.")
    over_at: datetime | None = Field(description="When the watchdog found that the stoppage was over; null until then.")


class Ledger(Shape):
    """A page of a job's ledger, oldest occurrence first."""

    after: datetime = Field(description="Start of the window, excluded.")
    until: datetime = Field(description="End of the window, included.")
    kept_since: datetime = Field(
        description="Start of the history. Older runs may have been deleted, so no gap before this instant is reported."
    )
    timezone_data: str = Field(
        description="Version of the IANA time zone data by which schedules are computed now. Occurrences before a "
        "change of the version are compared by the version of their time."
    )
    counts: dict[str, int] | None = Field(
        description="Number of occurrences in the window for each `decision`. Null if the window has more than "
        f"{ledger_account.MAX_ENTRIES_READ:,} entries, or if `left_out` is set."
    )
    left_out: str | None = Field(
        description="If the search for the schedule's instants was stopped because it would take too long: a sentence "
        "that says from when on entries are left out. Otherwise null."
    )
    unreadable: str | None = Field(
        description="Why the job's present schedule cannot be read; null if it is readable. Gaps of an unreadable "
        "schedule cannot be found."
    )
    incidents: list[Incident] = Field(
        description="Reported stoppages that are not over, or that were reported within the window: up to "
        f"{ledger_account.MAX_STOPPAGES_SHOWN}, oldest first."
    )
    not_covered: str | None = Field(
        description="If the job has no schedule or also starts after other jobs: a text which says that the ledger "
        "covers only the job's scheduled runs. Otherwise null."
    )
    runs: str = Field(description="URL of all runs of the job.")
    entries: list[LedgerEntry]
    next: str | None = Field(description="URL of the next page; null on the last page.")


class JobExplainView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("explain_job", parameters=Window, responses={200: (Ledger, examples.LEDGER)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return a job's ledger: the scheduled occurrences in a window, and what happened to each.

        An occurrence that was due and has no record is a gap.
        """
        now = clock.now()
        window = Window.read(request)
        until = window.until or now
        # The API accepts no instant before 1970.
        after = window.after or max(until - ledger_account.DEFAULT_WINDOW, EPOCH)
        if after >= until:
            raise InvalidInput({"after": [f"`after` must be earlier than `until` ({until:%Y-%m-%dT%H:%M:%S%z})."]})
        job = visible(Job, caller_of(request)).filter(pk=job_id).first()
        if job is None:
            raise JobGone
        only_gaps = window.only == "gaps"
        account = ledger_account.explain(job_id, after, until, now, limit=window.limit, only_gaps=only_gaps)
        body = Ledger(
            after=after,
            until=until,
            kept_since=account.clock.kept_since,
            timezone_data=versions.present(),
            counts=None if account.counts is None else {kind.value: n for kind, n in account.counts.items()},
            left_out=None if account.stopped_at is None else _left_out(account.stopped_at),
            unreadable=reasons_by_part(job.readable_schedule).get("schedule"),
            incidents=[_incident(stoppage) for stoppage in ledger_account.stoppages_in(job_id, after, until)],
            not_covered=describe_other_starts(job) or None,
            runs=reverse("job-runs", args=[job_id]),
            entries=[entry_of(entry, text) for entry, text in with_sentences(account.entries, now)],
            next=_next_url(request, account.next_at, until),
        )
        return Response(body.json_body())


def entry_of(entry: Entry, text: str) -> LedgerEntry:
    """Return the response for an entry of the ledger. `text`: the sentences about the entry."""
    row = entry.record
    return LedgerEntry(
        nominal_at=entry.at,
        last_nominal_at=entry.last_at if entry.n_occurrences > 1 else None,
        n_occurrences=entry.n_occurrences,
        decision=entry.decision,
        reason=(row.reason or None) if row else None,
        text=text,
        run=None
        if row is None
        else LedgerRun(
            id=row.run_id,
            status=row.status,
            started_at=row.started_at,
            finished_at=row.finished_at,
            planned_at=row.planned_at,
            lateness_ms=milliseconds(row.start_delay),
            behind_plan_ms=milliseconds(row.unplanned_delay) if row.planned_at else None,
            duration_ms=milliseconds(row.took),
            link=reverse("run", args=[row.run_id]),
        ),
        made_good_by=entry.made_good_by.run_id if entry.made_good_by else None,
    )


def _incident(stoppage: Stoppage) -> Incident:
    return Incident(
        why=Why(stoppage.why),
        text=Why(stoppage.why).label,
        found_at=stoppage.found_at,
        raised_at=stoppage.raised_at,
        over_at=stoppage.over_at,
    )


def _left_out(stopped_at: datetime) -> str:
    return (
        f"Entries later than {iso_text(stopped_at)} are left out, because it takes too long to find them: request the "
        "next page, or a shorter window."
    )


def _next_url(request: Request, at: datetime | None, until: datetime) -> str | None:
    """Return the URL of the next page, which begins after `at`. None if `at` is None: there is no next page."""
    if at is None:
        return None
    # Put `until` into the URL: its default is the time of the request, which differs for each page.
    url = replace_query_param(request.build_absolute_uri(), "after", at.isoformat())
    return replace_query_param(url, "until", until.isoformat())
