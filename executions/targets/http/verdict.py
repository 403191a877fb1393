"""From a status to an outcome: success, failure for good, failure worth another try, and when. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from executions.targets.base import Failed, Outcome, RetryAt, Succeeded
from executions.targets.http.failures import Code
from executions.targets.http.statuses import contains, describe

if TYPE_CHECKING:
    from executions.targets.http.config import HttpConfig
    from executions.targets.http.exchange import Answer
    from values.json_values import JSON

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def judge(config: HttpConfig, answer: Answer, result: JSON, now: datetime, cap: timedelta) -> Outcome:
    """Return the outcome of an attempt that was answered. `cap` is the longest delay a Retry-After may ask for."""
    status = answer.status
    if contains(config.success_statuses, status):
        return Succeeded(result)
    said = f"The server answered {status} {answer.reason[:100]}".rstrip()
    if not contains(config.retryable, status):
        wanted = f"success is {describe(config.success_statuses)}, worth a retry {describe(config.retryable)}"
        return Failed(Code.HTTP_STATUS.value, f"{said} ({wanted}).", permanent=True, result=result)
    at = retry_after(answer.header("retry-after"), now, cap)
    if at is None:
        return Failed(Code.HTTP_STATUS.value, f"{said}.", result=result)
    message = f"{said} and asked to be left alone until {at:%Y-%m-%d %H:%M:%S} UTC."
    return RetryAt(at, Code.HTTP_STATUS.value, message, result=result)


def retry_after(value: str | None, now: datetime, cap: timedelta) -> datetime | None:
    """Read a Retry-After header, in seconds or as an HTTP date; None if there is none that makes sense."""
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return now + min(timedelta(seconds=int(text)), cap)
    try:
        at = parsedate_to_datetime(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(at, now), now + cap)
