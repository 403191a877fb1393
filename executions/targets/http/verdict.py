"""Pure: derives an attempt's outcome from the response: success, permanent failure, or failure that may be retried."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz
from typing import TYPE_CHECKING

from executions.targets.base import Failed, Outcome, RetryAt, Succeeded
from executions.targets.http.failures import Code
from executions.targets.http.statuses import contains, describe

if TYPE_CHECKING:
    from executions.targets.http.config import HttpConfig
    from executions.targets.http.response import Response
    from values.json_values import JSON

_SECONDS = re.compile(r"\d+", re.ASCII)
MAX_DIGITS = 9  # of the seconds in a Retry-After header: thirty years are more than any cap


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
    """Return the time of a Retry-After header, given in seconds or as an HTTP date; at most `now + cap`.

    None if the header is missing, is invalid or names no time after `now`: the job's own delay applies then. A server
    whose clock is wrong would otherwise be called again at once, without end.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        digits = text.lstrip("0")
        if not digits:
            return None
        return now + (cap if len(digits) > MAX_DIGITS else min(timedelta(seconds=int(digits)), cap))
    parts = parsedate_tz(text)
    if parts is None:
        return None
    year, offset = parts[0], parts[9] or 0
    if year > now.year + 1:  # a year after 9999 is no datetime, and neither are all offsets in the year 9999
        return now + cap
    try:
        at = datetime(*parts[:6], tzinfo=UTC) - timedelta(seconds=offset)
    except (ValueError, OverflowError):
        return None
    return min(at, now + cap) if at > now else None
