"""The attempts of a run as cards: how each ended, and for HTTP the request, the answer and where the time went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from executions.admin import shown, words
from executions.states import AttemptStatus, RunStatus

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from executions.models import Attempt, Run

PHASES = (("dns", "Name look-up"), ("connect", "Connect"), ("tls", "TLS"), ("first_byte", "Wait for the answer"))


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the timings bar, in per cent of the whole."""

    name: str
    label: str
    took: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request and the answer of an HTTP attempt, as text for people."""

    request: str
    status: str
    tone: str
    headers: list[tuple[str, str]]
    body: str
    size: str
    remote: str
    redirects: list[str]
    phases: list[Phase]


@dataclass(frozen=True, slots=True)
class Card:
    """One attempt."""

    number: int
    badge: SafeString
    started: SafeString
    took: str
    worker: str
    error: str
    error_code: str
    retry: SafeString | None
    exchange: Exchange | None
    result: str
    is_going_on: bool = False


def cards(run: Run, attempts: list[Attempt], now: datetime) -> list[Card]:
    """The attempts, newest first, the one that is going on included."""
    found = [_card(run, attempt, now) for attempt in attempts]
    if run.status == RunStatus.RUNNING and run.attempt_at:
        going = Card(
            number=run.n_attempts,
            badge=shown.run_badge(run),
            started=shown.exact_time(run.attempt_at, now),
            took=f"{words.duration(now - run.attempt_at)} so far, of at most {words.duration(run.spec.timeout)}",
            worker=run.worker,
            error="",
            error_code="",
            retry=None,
            exchange=None,
            result="",
            is_going_on=True,
        )
        found.append(going)
    return list(reversed(found))


def _card(run: Run, attempt: Attempt, now: datetime) -> Card:
    exchange = _exchange(attempt.result) if run.spec.target_kind == "http" else None
    return Card(
        number=attempt.number,
        badge=shown.badge(*words.ATTEMPTS[AttemptStatus(attempt.status)]),
        started=shown.exact_time(attempt.started_at, now),
        took=words.duration(attempt.duration),
        worker=attempt.worker,
        error=attempt.error,
        error_code=attempt.error_code,
        retry=shown.exact_time(attempt.retry_at, now) if attempt.retry_at else None,
        exchange=exchange,
        result="" if exchange else pretty(attempt.result),
    )


def _exchange(result: Any) -> Exchange | None:
    if not isinstance(result, dict) or not isinstance(result.get("request"), dict):
        return None
    request, answer = result["request"], result.get("response") or {}
    status = int(answer.get("status") or 0)
    sent = int(request.get("n_body_bytes") or 0)
    return Exchange(
        request=f"{request.get('method', '')} {request.get('url', '')}" + (f"   ({sent:,} bytes sent)" if sent else ""),
        status=f"{status} {answer.get('reason', '')}".strip() if status else "No answer",
        tone="danger" if status >= 400 or not status else "success" if status < 300 else "info",
        headers=sorted((answer.get("headers") or {}).items()),
        body=_readable(str(answer.get("body") or "")),
        size=_size(answer),
        remote=str(result.get("remote_address") or ""),
        redirects=[str(hop.get("url", hop) if isinstance(hop, dict) else hop) for hop in result.get("redirects") or []],
        phases=_phases(result.get("timings_ms") or {}),
    )


def _size(answer: dict[str, Any]) -> str:
    if not answer:
        return ""
    return f"{int(answer.get('n_bytes') or 0):,} bytes" + (
        " kept, the rest was cut off" if answer.get("truncated") else ""
    )


def _phases(timings: dict[str, float]) -> list[Phase]:
    total = max(float(timings.get("total") or 0), sum(float(timings.get(name) or 0) for name, _ in PHASES))
    if not total:
        return []
    found, start = [], 0.0
    rest = total - sum(float(timings.get(name) or 0) for name, _ in PHASES)
    for name, label in (*PHASES, ("rest", "Read and the rest")):
        spent = rest if name == "rest" else float(timings.get(name) or 0)
        width = spent / total * 100
        found.append(
            Phase(name, label, words.duration(timedelta(milliseconds=spent)), round(start, 2), round(width, 2))
        )
        start += width
    return found


def _readable(body: str) -> str:
    """JSON is laid out; anything else stays as it came."""
    if body[:1] in ("{", "["):
        try:
            return pretty(json.loads(body))
        except (ValueError, RecursionError):
            return body
    return body


def pretty(value: Any) -> str:
    """JSON laid out for people; an empty text for null."""
    return "" if value is None else json.dumps(value, indent=2, ensure_ascii=False)
