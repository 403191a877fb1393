"""Pure: derives an attempt's outcome from the response: success, permanent failure, or failure that may be retried."""

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
    from executions.targets.http.exchange import Response
    from values.json_values import JSON

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def judge(config: HttpConfig, response: Response, result: JSON, now: datetime, cap: timedelta) -> Outcome:
    """Return the outcome of an attempt that got a response. `cap` is the longest delay that Retry-After may set."""
    status = response.status
    if contains(config.success_statuses, status):
        return Succeeded(result)
    said = f"The server answered {status} {response.reason[:100]}".rstrip()
    if not contains(config.retryable, status):
        expected = f"success: {describe(config.success_statuses)}; retried: {describe(config.retryable)}"
        return Failed(Code.HTTP_STATUS.value, f"{said} ({expected}).", permanent=True, result=result)
    at = retry_after(response.header("retry-after"), now, cap)
    if at is None:
        return Failed(Code.HTTP_STATUS.value, f"{said}.", result=result)
    message = f"{said}. Its Retry-After header allows no attempt before {at:%Y-%m-%d %H:%M:%S} UTC."
    return RetryAt(at, Code.HTTP_STATUS.value, message, result=result)


def retry_after(value: str | None, now: datetime, cap: timedelta) -> datetime | None:
    """Return the time of a Retry-After header, given in seconds or as an HTTP date. None if missing or invalid.

    The time is between `now` and `now + cap`.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return now + min(timedelta(seconds=int(text)), cap)
    try:
        at = parsedate_to_datetime(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(at, now), now + cap)
