"""The data of a run's page: queried, and formatted as texts and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.html import format_html

from access.admin.json_shown import pretty
from access.admin.pages import LIVE_REFRESH_SECONDS
from access.visibility import visible
from executions import words
from executions.admin import shown
from executions.admin.attempts import cards
from executions.history import waiting_reasons
from executions.models import LogLine, Run
from executions.models.attempt import all_attempts
from executions.states import STATUS_LABELS, EventKind, RunStatus, origin_label
from executions.targets.registry import TARGETS, masked, read_target
from executions.worker.endings import max_attempts
from values import instants
from values.durations import elapsed
from values.readable import Unreadable

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.utils.safestring import SafeString

    from access.visibility import Caller
    from executions.models import RunEvent

LOG_LINES_SHOWN = 1000  # at first; five times as many with each "Show more"
MAX_LOG_LINES = 20_000  # at about 250 bytes of HTML each, a page of 5 MB
EVENT_TONES = {status.value: tone for status, (_, tone) in STATUS_LABELS.items()} | {
    EventKind.CANCEL_REQUESTED.value: "warning",
    EventKind.SCHEDULE_STOPPED.value: "danger",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One label with its value, in the header of a run's page."""

    label: str
    value: str | SafeString
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the timeline. `since` is the time since the previous event."""

    text: str
    tone: str
    at: SafeString
    since: str
    actor: str


def load(run_id: UUID, caller: Caller) -> Run | None:
    """Return a run with its frozen definition, or None if the run does not exist or is hidden from the caller.

    The returned run has the attribute `has_job`: whether the caller can see the run's job, which may have been deleted.
    """
    job = visible(Run._meta.get_field("job").related_model, caller).filter(pk=OuterRef("job_id"))
    return visible(Run, caller).select_related("spec").annotate(has_job=Exists(job)).filter(pk=run_id).first()


def describe(run: Run, now: datetime, caller: Caller, n_lines: int = LOG_LINES_SHOWN) -> dict[str, Any]:
    """Return the template context of the run's page and of the page's live part.

    Three queries; one more if another run started this run, and up to three more if this run is held.
    """
    n_lines = min(max(n_lines, LOG_LINES_SHOWN), MAX_LOG_LINES)
    events = list(run.events.all())
    attempts = all_attempts(run)
    lines = list(visible(LogLine, caller).filter(run=run).order_by("-id")[: n_lines + 1])
    return {
        "run": run,
        "nominal": instants.exact_html(run.nominal_at, now),
        "zone": str(timezone.get_current_timezone()),
        "badge": shown.run_badge(run),
        "facts": facts(run, now, caller),
        "why": words.why(run, now),
        "waits": waiting_reasons([run], now).get(run.pk, ""),
        "moments": moments(events, now),
        "cards": cards(run, attempts, now),
        "lines": list(reversed(lines[:n_lines])),
        "more_lines": min(n_lines * 5, MAX_LOG_LINES) if len(lines) > n_lines and n_lines < MAX_LOG_LINES else 0,
        "lines_are_cut": len(lines) > n_lines,
        "live_after": None if run.is_terminal else LIVE_REFRESH_SECONDS,
        "can_cancel": not run.is_terminal and not run.cancel_requested_at,
        "can_retry": run.is_terminal,
        "definition": definition(run),
    }


def facts(run: Run, now: datetime, caller: Caller) -> list[Fact]:
    """Return the facts of the header, such as “Started” and “Duration”, without facts that do not apply to the run."""
    found = [Fact("Origin", origin_label(run.origin))]
    if run.caused_by:
        found.append(_cause(run.caused_by, caller))
    found.append(Fact("Scheduled for", instants.time_html(run.nominal_at, now)))
    if run.status == RunStatus.SKIPPED:
        return [*found, Fact("Recorded", instants.time_html(run.created_at, now)), _id(run)]
    if run.planned_at:
        found.append(Fact("Planned start", instants.time_html(run.planned_at, now)))
    found.append(Fact("Started", instants.time_html(run.started_at, now) if run.started_at else "No"))
    found.append(Fact("Start delay", words.start_delay(run)))
    if (
        run.available_at != run.planned_at
        and run.status in (RunStatus.QUEUED, RunStatus.RETRYING)
        and run.available_at > now
    ):
        found.append(Fact("Next attempt", instants.time_html(run.available_at, now)))
    if run.finished_at:
        found.append(Fact("Finished", instants.time_html(run.finished_at, now)))
    if run.started_at and not run.is_terminal:
        found.append(Fact("Duration so far", instants.duration(elapsed(run.started_at, now))))
    else:
        found.append(Fact("Duration", instants.duration(run.duration)))
    found.append(Fact("Attempts", attempts_of(run)))
    if run.worker:
        found.append(Fact("Worker", format_html("<code>{}</code>", run.worker)))
    if run.retry_of:
        found.append(Fact("Retry of", format_html('<a href="{}">the original run</a>', shown.run_url(run.retry_of))))
    return [*found, _id(run)]


def _cause(run_id: UUID, caller: Caller) -> Fact:
    cause = visible(Run, caller).select_related("spec").filter(pk=run_id).first()
    if cause is None:
        return Fact("Started by", "a run that was deleted or is hidden from you")
    return Fact(
        "Started by", format_html('<a href="{}">run of <bdi>{}</bdi></a>', shown.run_url(run_id), cause.spec.job_name)
    )


def _id(run: Run) -> Fact:
    return Fact("Run id", format_html("<code>{}</code>", run.pk), is_wide=True)


def attempts_of(run: Run) -> str:
    """Return the number of attempts, such as `1 of at most 4` or `2 of at most 5, 1 lost with its worker`."""
    policies = run.spec.readable_policies
    lost = f", {run.n_lost} lost with {'its worker' if run.n_lost == 1 else 'their workers'}" if run.n_lost else ""
    if isinstance(policies, Unreadable):
        return f"{run.n_attempts}{lost}"
    return f"{run.n_attempts} of at most {max_attempts(policies, run.n_lost)}{lost}"


def moments(events: list[RunEvent], now: datetime) -> list[Moment]:
    """Return the events as entries of the timeline. `events` must be ordered from the oldest to the newest."""
    gaps = [timedelta(0)] + [elapsed(earlier.at, later.at) for earlier, later in pairwise(events)]
    return [
        Moment(
            text=words.event(happened, is_first=place == 0),
            tone=EVENT_TONES.get(happened.kind, "default"),
            at=instants.exact_html(happened.at, now),
            since=f"+{instants.duration(gaps[place])}" if place else "",
            actor=happened.actor,
        )
        for place, happened in enumerate(events)
    ]


def definition(run: Run) -> list[tuple[str, str]]:
    """Return the target, payload and policies of the frozen definition: pairs of a name and formatted JSON.

    A part that is null is left out.
    """
    spec = run.spec
    parts = [
        ("Target", pretty(ordered(spec.target_kind, spec.target))),
        ("Payload", pretty(spec.payload)),
        ("Policies", pretty(spec.policies)),
    ]
    return [(name, text) for name, text in parts if text]


def ordered(kind: str, target: Any, *, may_change: bool = False) -> Any:
    """Return a target for display: without credentials, and with its members in the order that its kind declares.

    In a target that this version cannot read, any member may be a credential. Such a target is returned complete if
    `may_change` (the caller may change the job). Otherwise, only its kind is returned.
    """
    if kind not in TARGETS or isinstance(read_target(target), Unreadable):
        return target if may_change else masked(target)
    shown = masked(target)
    known = [name for name in TARGETS[kind].config.model_fields if name in shown]
    return {name: shown[name] for name in ["kind", *known, *shown]}


def timeout_words(kind: str) -> str:
    """Return the default timeout of an attempt for a kind of target, such as `30 s`; a dash for an unknown kind."""
    return instants.duration(TARGETS[kind].default_timeout) if kind in TARGETS else "–"
