"""The contents of a job's page “Explain”: due occurrences without a record (gaps), then the latest occurrences."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils import timezone

from access.admin.badges import badge
from access.admin.lists import counted
from executions.admin import run_url
from schedules.admin.job.page import state_badge, stoppage_line
from schedules.admin.viewer_instants import input_type, read_viewer_instant, viewer_text
from schedules.clock.compare import Decision
from schedules.clock.effort import Effort, SearchTooLong
from schedules.ledger import account as ledger_account
from schedules.ledger import sentences
from schedules.ledger.sentences import DECISION_LABELS
from schedules.zone_data import versions
from values import instants
from values.durations import MICROSECOND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from django.utils.safestring import SafeString

    from schedules.ledger.account import Entry
    from schedules.models import Job

MAX_ENTRIES_SHOWN = 200  # on one page, the latest first
MAX_GAPS_SHOWN = 20  # more would push the list of occurrences below the screen
FIRST_SPAN = timedelta(hours=1)  # `_newest` reads this much of the window's end first
FIELD_LABELS = {"after": "“After”", "until": "“Until”"}
WINDOWS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", ledger_account.DEFAULT_WINDOW),
    "week": ("Last 7 days", timedelta(days=7)),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the page: one occurrence, or several consecutive occurrences that share one record."""

    at: SafeString
    last: SafeString | None
    planned: SafeString | None
    badge: SafeString
    text: str
    url: str


def describe(job: Job, query: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """Return the context of the page.

    `query` selects the window, either by `window` (a key of WINDOWS) or by the times `after` and `until`. The
    default is the last 24 hours.
    """
    errors: list[str] = []
    window = query.get("window", "day")
    after, until = _read_time(query, "after", errors), _read_time(query, "until", errors)
    if after is None and until is None:
        window = window if window in WINDOWS else "day"
        after, until = now - WINDOWS[window][1], now
    else:
        window = ""
        until = until or now
        after = after or until - ledger_account.DEFAULT_WINDOW
        if after >= until:
            errors.append("The window must start before it ends: give an earlier “After” or a later “Until”.")
            after = until - ledger_account.DEFAULT_WINDOW
    account = ledger_account.explain(job.pk, after, until, now, limit=1)
    entries, is_more = _newest(job.pk, after, until, now)
    counts = account.counts or {}
    gaps = ledger_account.Account(after, until, account.clock)
    if account.counts is None or Decision.GAP in counts:
        gaps = ledger_account.explain(job.pk, after, until, now, limit=MAX_GAPS_SHOWN, only_gaps=True)
    return {
        "job": job,
        "badge": state_badge(job),
        "errors": errors,
        "windows": [
            {"name": name, "label": label, "is_active": name == window} for name, (label, _) in WINDOWS.items()
        ],
        "after": _field(after),
        "until": _field(until),
        "zone": str(timezone.get_current_timezone()),
        "other_starts": sentences.describe_other_starts(job),
        "has_clock": sentences.has_schedule(job),
        "stoppages": [stoppage_line(stoppage, now) for stoppage in ledger_account.stoppages_in(job.pk, after, until)],
        "lines": [_line(entry, text, now) for entry, text in sentences.with_sentences(entries, now)],
        "gaps": [instants.exact_html(entry.at, now) for entry in gaps.entries],
        "missing_occurrences": _gap_count(counts, gaps),
        "more_gaps": gaps.next_at is not None,
        "counts": [
            (sentences.decision_count(kind, counts[kind]), DECISION_LABELS[kind][1])
            for kind in Decision
            if kind in counts
        ],
        "is_long": account.counts is None,
        "zone_data": versions.present(),
        "kept": instants.exact_html(account.clock.kept_since, now) if after < account.clock.kept_since else None,
        "earlier": urlencode({"after": after.isoformat(), "until": (entries[-1].at - MICROSECOND).isoformat()})
        if is_more
        else "",
    }


def _newest(job_id: UUID, after: datetime, until: datetime, now: datetime) -> tuple[list[Entry], bool]:
    """Return the last entries of the window, the latest first, and whether the window has earlier ones.

    The ledger can only be read oldest first. So this function reads the last `FIRST_SPAN` of the window. As long as it
    finds too few entries, it reads a span four times as long, up to the limit of `Effort`.
    """
    found: deque[Entry] = deque(maxlen=MAX_ENTRIES_SHOWN + 1)
    low, span, effort = until, FIRST_SPAN, Effort()
    while low > after and len(found) <= MAX_ENTRIES_SHOWN:
        low, span = until - min(span, until - after), span * 4
        longer: deque[Entry] = deque(maxlen=MAX_ENTRIES_SHOWN + 1)
        try:
            longer.extend(ledger_account.entries(job_id, low, until, now, effort))
        except SearchTooLong:
            return list(found)[::-1][:MAX_ENTRIES_SHOWN], bool(found)
        found = longer
    return list(found)[::-1][:MAX_ENTRIES_SHOWN], len(found) > MAX_ENTRIES_SHOWN


def _gap_count(counts: Mapping[Decision, int], gaps: ledger_account.Account) -> str:
    found = counts.get(Decision.GAP, len(gaps.entries))
    more = gaps.next_at is not None and Decision.GAP not in counts
    return f"{counted(found, 'occurrence')}{' or more' if more else ''}"


def _line(entry: Entry, text: str, now: datetime) -> Line:
    label, tone = DECISION_LABELS[entry.decision]
    row = entry.record or entry.made_good_by
    return Line(
        at=instants.time_html(entry.at, now),
        last=instants.exact_html(entry.last_at, now) if entry.n_occurrences > 1 else None,
        planned=instants.exact_html(row.planned_at, now) if row and row.planned_at else None,
        badge=badge(label, tone),
        text=text,
        url=run_url(row.run_id) if row else "",
    )


def _read_time(query: Mapping[str, str], name: str, errors: list[str]) -> datetime | None:
    """Return a field's instant; None if the field is empty or invalid. An invalid field adds a sentence to `errors`."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        return read_viewer_instant(FIELD_LABELS[name], text)
    except ValueError as error:
        errors.append(str(error))
        return None


def _field(at: datetime) -> dict[str, str]:
    text = viewer_text(at)
    return {"value": text, "type": input_type(text)}
