"""The ledger of a job: for a window, what its schedule named and what became of each occurrence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
from executions.api import MILLISECOND
from executions.runs import Run
from schedules.api import examples
from schedules.clock.compare import Decision
from schedules.exceptions import JobGone
from schedules.ledger import account as ledger_account
from schedules.ledger.sentences import describe_other_starts, with_sentences
from schedules.models import Job, Why
from values.readable import reasons_by_part

if TYPE_CHECKING:
    from rest_framework.request import Request

    from access.api.views import Needs, Subjects
    from schedules.ledger.account import Entry
    from schedules.models import Stoppage

DAY = timedelta(hours=24)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ENTRIES = 1000


class Window(Parameters):
    """Which part of the ledger is asked for."""

    after: Instant | None = Field(None, description="Occurrences later than this one; by default 24 h before `until`.")
    until: Instant | None = Field(
        None, description="Occurrences up to this one; by default now. A later one shows what is to come as well."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES)] = Field(200, description="Entries on a page.")
    only: Literal["gaps"] | None = Field(None, description="`gaps`: nothing but those.")


class LedgerRun(Shape):
    """The run of an entry."""

    id: UUID
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    planned_at: datetime | None = Field(description="When it was to start, where that was not the nominal instant.")
    lateness_ms: int | None = Field(description="From the nominal instant to the first start.")
    behind_plan_ms: int | None = Field(description="From `planned_at` to the first start.")
    duration_ms: int | None
    link: str


class LedgerEntry(Shape):
    """What became of one occurrence, or of several that share a row."""

    nominal_at: datetime
    last_nominal_at: datetime | None = Field(description="The last of the occurrences that share a row.")
    n_occurrences: int
    decision: Decision = Field(
        description="`started`, `skipped`: recorded. `pending`: due, and no beat has come to it. `paused`: due during "
        "a pause, and recorded when that ends. `gap`: it should have a record and has none. `made_good`: a gap for "
        "which a backfill has run. `unexpected`: recorded, though no schedule of the job named it. `upcoming`."
    )
    reason: str | None = Field(description="Why it did not start.", examples=["overlap"])
    text: str = Field(description="The same in words.")
    run: LedgerRun | None
    made_good_by: UUID | None = Field(description="The run of a backfill for the same instant.")


class Incident(Shape):
    """The watchdog found that the schedule had silently stopped."""

    why: Why
    text: str = Field(description="The same in words.")
    found_at: datetime
    raised_at: datetime = Field(description="When it was told, by an event of the job's latest run.")
    over_at: datetime | None


class Ledger(Shape):
    """A page of a job's ledger, oldest first."""

    after: datetime
    until: datetime
    kept_since: datetime = Field(description="Older runs may have been pruned: before this instant nothing is missed.")
    counts: dict[str, int] | None = Field(
        description="Occurrences in the window by decision. Null for a window of more than "
        f"{ledger_account.MAX_ENTRIES_READ:,} entries."
    )
    unreadable: str | None = Field(
        description="Why the job's schedule cannot be read: nobody knows what it names. Null for nearly every job."
    )
    incidents: list[Incident] = Field(description="Those that are not over, and those told within the window.")
    not_covered: str | None = Field(
        description="What starts this job beside a schedule, of which the ledger knows nothing; the list at `runs` does."
    )
    runs: str = Field(description="All runs of the job.")
    entries: list[LedgerEntry]
    next: str | None = Field(description="Where the window goes on.")


class JobExplainView(ApiView):
    needs: ClassVar[Needs] = {"GET": [(Action.VIEW, Run)]}
    subjects: ClassVar[Subjects] = {"job_id": Job}
    methods_with_parameters: ClassVar[frozenset[str]] = frozenset({"GET"})

    @operation("explain_job", parameters=Window, responses={200: (Ledger, examples.LEDGER)}, errors=[404])
    def get(self, request: Request, job_id: UUID) -> Response:
        """What a job's schedule named in a window, and what became of each occurrence; what is missing is a gap."""
        now = datetime.now(UTC)
        asked = Window.read(request)
        until = asked.until or now
        after = asked.after or max(until, EPOCH + DAY) - DAY
        if after >= until:
            raise InvalidInput({"after": [f"This must be earlier than until, which is {until:%Y-%m-%dT%H:%M:%S%z}."]})
        job = visible(Job, caller_of(request)).filter(pk=job_id).first()
        if job is None:
            raise JobGone
        account = ledger_account.explain(job_id, after, until, now, limit=asked.limit, only_gaps=asked.only == "gaps")
        body = Ledger(
            after=after,
            until=until,
            kept_since=account.clock.kept_since,
            counts=None if account.counts is None else {kind.value: n for kind, n in account.counts.items()},
            unreadable=reasons_by_part(job.readable_schedule).get("schedule"),
            incidents=[_incident(stoppage) for stoppage in ledger_account.stoppages_in(job_id, after, until)],
            not_covered=describe_other_starts(job) or None,
            runs=reverse("job-runs", args=[job_id]),
            entries=[entry_of(entry, text) for entry, text in with_sentences(account.entries, now)],
            next=_next(request, account.next_at, until),
        )
        return Response(body.json_body())


def entry_of(entry: Entry, text: str) -> LedgerEntry:
    """Return an entry as the API shows it, with its sentence."""
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
            lateness_ms=row.start_delay // MILLISECOND if row.start_delay is not None else None,
            behind_plan_ms=row.unplanned_delay // MILLISECOND
            if row.planned_at and row.unplanned_delay is not None
            else None,
            duration_ms=row.took // MILLISECOND if row.took is not None else None,
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


def _next(request: Request, at: datetime | None, until: datetime) -> str | None:
    """The same question from where the page ended, and to the same end."""
    if at is None:
        return None
    address = replace_query_param(request.build_absolute_uri(), "after", at.isoformat())
    return replace_query_param(address, "until", until.isoformat())
