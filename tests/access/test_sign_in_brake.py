"""Proves how long a sign-in must wait after failures, and who cannot cause a delay for whom."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from access import sign_in_brake
from access.models import SignInCount
from access.sign_in_brake import FORGOTTEN_AFTER, KNOWN_FOR, NETWORK, PAIR, USER, begin, forget, succeed
from tests.factories import NOW

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db
HOME, ELSEWHERE = "192.0.2.1", "203.0.113.9"
NONE = timedelta(0)


def fail(n: int, name: str = "ann", network: str = HOME, now: datetime = NOW) -> datetime:
    """Let `n` attempts fail, each as soon as it is allowed. Return when the last one began."""
    for _ in range(n):
        if wait := begin(name, network, now):
            now += wait
            assert begin(name, network, now) == NONE
    return now


@pytest.mark.parametrize(
    ("limit", "n_failures", "seconds"),
    [
        (PAIR, 4, 0),
        (PAIR, 5, 1),
        (PAIR, 8, 8),
        (PAIR, 1000, 900),
        (USER, 19, 0),
        (USER, 25, 32),
        (USER, 26, 60),
        (NETWORK, 21, 2),
        (NETWORK, 40, 900),
    ],
)
def test_the_delay_doubles_up_to_its_limit(limit: sign_in_brake.Limit, n_failures: int, seconds: int) -> None:
    assert limit.delay_after(n_failures) == timedelta(seconds=seconds)


def test_after_five_failures_an_attempt_must_wait() -> None:
    now = fail(PAIR.n_free)

    assert begin("ann", HOME, now) == timedelta(seconds=1)
    assert begin("ann", HOME, now + timedelta(milliseconds=400)) == timedelta(milliseconds=600)
    assert begin("ann", HOME, now + timedelta(seconds=1)) == NONE


def test_an_attempt_that_must_wait_does_not_lengthen_the_delay() -> None:
    now = fail(PAIR.n_free)
    for _ in range(20):
        assert begin("ann", HOME, now) == timedelta(seconds=1)


def test_the_name_counts_in_upper_and_lower_case_alike() -> None:
    now = fail(PAIR.n_free, "Ann")
    assert begin("aNN", HOME, now) == timedelta(seconds=1)


def test_a_success_clears_the_failures_of_the_name() -> None:
    now = fail(PAIR.n_free + 1)
    succeed("ann", HOME, now)
    assert begin("ann", HOME, now) == NONE


def test_a_success_does_not_clear_the_failures_of_other_names_from_the_network() -> None:
    for number in range(NETWORK.n_free):
        assert begin(f"user {number}", ELSEWHERE, NOW) == NONE
    later = NOW + timedelta(seconds=1)
    assert begin("own account", ELSEWHERE, later) == NONE
    succeed("own account", ELSEWHERE, later)

    assert begin("ann", ELSEWHERE, later) == NONE, "the second after the last failure has passed"
    assert begin("bob", ELSEWHERE, later) == NETWORK.delay_after(NETWORK.n_free + 1)


def fail_elsewhere(n: int) -> datetime:
    """Let ann sign in elsewhere, then attempts of `n` other users fail there. Return when the last one began."""
    sign_in(NOW)
    now = NOW
    for number in range(n):
        now = fail(1, f"user {number}", ELSEWHERE, now)
    return now


def sign_in(now: datetime) -> None:
    assert begin("ann", ELSEWHERE, now) == NONE
    succeed("ann", ELSEWHERE, now)


def test_a_success_does_not_lengthen_the_delay_of_its_network() -> None:
    failed_at = fail_elsewhere(NETWORK.n_free + 2)
    sign_in(failed_at + timedelta(seconds=3))

    assert begin("bob", ELSEWHERE, failed_at + timedelta(seconds=3)) == timedelta(seconds=1)
    assert begin("bob", ELSEWHERE, failed_at + timedelta(seconds=4)) == NONE


def test_failures_of_a_network_are_forgotten_while_somebody_signs_in_regularly() -> None:
    failed_at = fail_elsewhere(NETWORK.n_free + 12)
    for hours in range(1, 24, 4):
        sign_in(failed_at + timedelta(hours=hours))

    later = failed_at + FORGOTTEN_AFTER
    for number in range(NETWORK.n_free):
        assert begin(f"later {number}", ELSEWHERE, later) == NONE
    assert begin("bob", ELSEWHERE, later) > NONE


def test_a_success_does_not_take_back_a_failure_that_began_later() -> None:
    failed_at = fail_elsewhere(NETWORK.n_free)
    now = failed_at + timedelta(hours=1)
    assert begin("ann", ELSEWHERE, now) == NONE
    later = fail(1, "bob", ELSEWHERE, now + timedelta(seconds=30))
    succeed("ann", ELSEWHERE, now)

    assert begin("carl", ELSEWHERE, later) == NETWORK.delay_after(NETWORK.n_free + 1)


def test_the_documented_statement_ends_every_delay_and_keeps_known_networks() -> None:
    fail_elsewhere(NETWORK.n_free + 12)
    now = fail(PAIR.n_free + 12, network=ELSEWHERE)
    assert begin("ann", ELSEWHERE, now) > NONE
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    [statement] = re.findall(r'manage.py shell -c "(.*SignInCount.*)"', text)

    exec(statement, {})  # noqa: S102 - the statement of our own document
    for name in ("ann", "bob"):
        assert begin(name, ELSEWHERE, now) == NONE
    for number in range(200):
        begin("ann", f"203.0.113.{number}", now)
    assert begin("ann", ELSEWHERE, now) == NONE


def test_somebody_elsewhere_cannot_lock_a_user_out_of_a_known_network() -> None:
    assert begin("ann", HOME, NOW) == NONE
    succeed("ann", HOME, NOW)
    for number in range(200):
        begin("ann", f"203.0.113.{number}", NOW)

    assert begin("ann", ELSEWHERE, NOW) > NONE
    assert begin("ann", HOME, NOW) == NONE


def test_somebody_elsewhere_delays_an_unknown_network_by_a_minute_at_most() -> None:
    for number in range(200):
        now = NOW + timedelta(minutes=number)
        begin("ann", f"203.0.113.{number}", now)

    assert begin("ann", HOME, now) == USER.longest


def test_a_network_is_known_for_90_days() -> None:
    begin("ann", HOME, NOW)
    succeed("ann", HOME, NOW)
    late = NOW + KNOWN_FOR + timedelta(seconds=1)
    for number in range(USER.n_free):
        begin("ann", f"203.0.113.{number}", late)
    assert begin("ann", HOME, late) > NONE


def test_failures_are_forgotten_after_a_day_and_their_rows_deleted() -> None:
    now = fail(PAIR.n_free + 3)
    later = now + FORGOTTEN_AFTER
    assert begin("ann", HOME, later) == NONE
    begin("bob", HOME, NOW)
    succeed("bob", HOME, NOW)

    forget(later + FORGOTTEN_AFTER + timedelta(seconds=1))
    assert [(row.user_name, row.network) for row in SignInCount.objects.all()] == [("bob", HOME)]


def test_without_a_network_only_the_name_counts() -> None:
    assert begin("ann", "", NOW) == NONE
    succeed("ann", "", NOW)
    assert SignInCount.objects.count() == 1


def test_attempts_that_must_wait_create_no_rows() -> None:
    for number in range(NETWORK.n_free + 50):
        begin(f"user {number}", ELSEWHERE, NOW)
    assert SignInCount.objects.count() == 2 * NETWORK.n_free + 1


def test_a_clock_that_is_ahead_delays_nobody_longer_than_the_limit() -> None:
    now = fail(PAIR.n_free)
    assert begin("ann", HOME, now - timedelta(hours=1)) == timedelta(seconds=1)
    assert begin("bob", HOME, now - timedelta(hours=1)) == NONE
