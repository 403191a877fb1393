"""Proves which outcome follows from a status and a Retry-After header."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.base import Failed, RetryAt, Succeeded
from executions.targets.http.config import HttpConfig
from executions.targets.http.response import Response
from executions.targets.http.verdict import judge, retry_after

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAP = timedelta(hours=1)


def verdict(status: int, *headers: tuple[str, str], **fields: Any) -> object:
    config = HttpConfig(url="https://example.com/", **fields)
    return judge(config, Response(status, "Reason", list(headers)), {"kept": True}, NOW, CAP)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_by_default_any_2xx_is_a_success(status: int) -> None:
    assert verdict(status) == Succeeded({"kept": True})


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_by_default_overload_and_server_errors_are_retried(status: int) -> None:
    outcome = verdict(status)
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    assert outcome.code == "http_status"
    assert str(status) in outcome.message


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 422])
def test_by_default_any_other_status_fails_permanently(status: int) -> None:
    outcome = verdict(status, ("Retry-After", "5"))
    assert isinstance(outcome, Failed)
    assert outcome.permanent
    assert outcome.result == {"kept": True}


def test_a_job_may_set_other_statuses_for_success_and_retry() -> None:
    assert isinstance(verdict(404, success_statuses=["200-299", 404]), Succeeded)
    outcome = verdict(404, retry_statuses=[404])
    assert isinstance(outcome, Failed)
    assert not outcome.permanent
    outcome = verdict(503, retry_statuses=[])
    assert isinstance(outcome, Failed)
    assert outcome.permanent


@pytest.mark.parametrize("status", [429, 503, 500])
def test_a_retried_status_with_retry_after_names_the_time_of_the_next_attempt(status: int) -> None:
    outcome = verdict(status, ("retry-after", "120"))
    assert isinstance(outcome, RetryAt)
    assert outcome.at == NOW + timedelta(seconds=120)
    assert outcome.result == {"kept": True}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", None),
        ("5", NOW + timedelta(seconds=5)),
        (" 5 ", NOW + timedelta(seconds=5)),
        ("0000000000000000000005", NOW + timedelta(seconds=5)),
        ("999999999", NOW + CAP),
        ("99999999999", NOW + CAP),
        ("9" * 5000, NOW + CAP),
        ("3601", NOW + CAP),
        ("Fri, 20 Nov 2026 12:05:00 GMT", NOW + timedelta(minutes=5)),
        ("Fri, 20 Nov 2026 12:05:00 -0000", NOW + timedelta(minutes=5)),
        ("Thu, 19 Nov 2026 12:00:00 GMT", None),
        ("Fri, 20 Nov 2099 12:00:00 GMT", NOW + CAP),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٥", None),
        ("Fri, 99 Nov 2026 12:00:00 GMT", None),
        ("Fri, 20 Nov 2026 25:05:00 GMT", None),
        ("Fri, 31 Dec 9999 23:00:00 -2359", NOW + CAP),
        ("Fri, 31 Dec 9999 23:59:59 GMT", NOW + CAP),
        ("Fri, 31 Dec 10000 23:59:59 GMT", NOW + CAP),
        ("Sat, 01 Jan 0100 00:00:00 +2359", None),
        ("Sunday, 06-Nov-94 08:49:37 GMT", None),
        ("Fri Nov 20 12:05:00 2026", NOW + timedelta(minutes=5)),
        ("1e3", None),
        ("+5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_capped(value: str | None, expected: datetime | None) -> None:
    assert retry_after(value, NOW, CAP) == expected


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_the_longer_the_wait_that_is_asked_for_the_longer_it_is(one: int, other: int) -> None:
    shorter, longer = (retry_after(str(seconds), NOW, CAP) for seconds in sorted((one, other)))
    assert shorter is not None and longer is not None
    assert shorter <= longer


@given(st.text())
def test_any_retry_after_is_within_the_cap_or_ignored(value: str) -> None:
    at = retry_after(value, NOW, CAP)
    assert at is None or NOW < at <= NOW + CAP
