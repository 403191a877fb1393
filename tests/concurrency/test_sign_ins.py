"""Proves that many attempts at the same moment do not get past the limits of failed sign-ins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.sign_in_brake import PAIR, begin
from tests.concurrency.threads import at_once
from tests.factories import NOW

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


def test_attempts_at_the_same_moment_are_counted_one_by_one() -> None:
    waits = at_once(12, lambda _: begin("ann", "192.0.2.1", NOW))
    assert waits.count(timedelta(0)) == PAIR.n_free


def test_attempts_of_several_users_from_one_network_never_deadlock() -> None:
    for _ in range(5):
        waits = at_once(8, lambda number: begin(f"user {number % 3}", f"192.0.2.{number % 2}", NOW))
        assert len(waits) == 8
