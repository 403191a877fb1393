"""The cards of a run's page, one for each attempt: its status, times, worker, error and result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from access.admin.badges import badge
from executions import words
from executions.admin import shown
from executions.admin.targets import look_of
from values import instants
from values.durations import elapsed

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from executions.models import Attempt, Run


@dataclass(frozen=True, slots=True)
class Card:
    """One attempt, as the texts and HTML that the template `attempt.html` shows."""

    number: int
    badge: SafeString
    started: SafeString
    took: str
    worker: str
    error: str
    error_code: str
    retry: SafeString | None
    retry_is_ahead: bool
    result: Any = None
    template: str = ""


def cards(run: Run, attempts: list[Attempt], now: datetime) -> list[Card]:
    """Return a card for each attempt, the newest first."""
    return [_card(run, attempt, now) for attempt in reversed(attempts)]


def _card(run: Run, attempt: Attempt, now: datetime) -> Card:
    look = look_of(run.spec.target_kind)
    if attempt.is_running:
        most = f" (timeout: {instants.duration(run.spec.timeout)})" if run.spec.timeout else ""
        label, took = shown.run_badge(run), f"{instants.duration(elapsed(attempt.started_at, now))} so far{most}"
    else:
        label, took = badge(*words.attempt_label(attempt.status)), instants.duration(attempt.duration)
    return Card(
        number=attempt.number,
        badge=label,
        started=instants.exact_html(attempt.started_at, now),
        took=took,
        worker=attempt.worker,
        error=attempt.error,
        error_code=attempt.error_code,
        retry=instants.exact_html(attempt.retry_at, now) if attempt.retry_at else None,
        retry_is_ahead=attempt.retry_at is not None and attempt.retry_at > now and not run.is_terminal,
        result=look.result(attempt.result),
        template=look.template,
    )
