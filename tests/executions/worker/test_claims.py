"""Proves that claiming is tried again while the database is unavailable, for a limited time, and never twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DataError, InterfaceError, OperationalError

from executions.lifecycle import transitions
from executions.models import Run
from executions.worker import claims
from tests.factories import NOW, make_job, make_run
from values import database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


class Clock:
    """Moves on by a second with each reading."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += SECOND
        return self.now


def failing_first(monkeypatch: pytest.MonkeyPatch, errors: Iterator[Exception]) -> list[datetime]:
    """Have the first claims fail with these errors, without a wait between them. Return the times of all claims."""
    at: list[datetime] = []
    real = transitions.claim

    def claim(wanted: Any, now: datetime, **details: Any) -> Any:
        at.append(now)
        if error := next(errors, None):
            raise error
        return real(wanted, now, **details)

    monkeypatch.setattr(transitions, "claim", claim)
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    return at


def test_only_free_runs_are_claimed_and_in_the_order_of_the_message() -> None:
    runs = [make_run(make_job(f"job {number}"), NOW - number * SECOND) for number in range(3)]
    spent = (runs[1].pk, 7)
    wanted = [(runs[2].pk, 0), spent, (runs[0].pk, 0)]

    found = claims.claim(wanted, "worker@tests:1", Clock())

    assert [each.run_id for each in found] == [runs[2].pk, runs[0].pk]
    assert {each.claim_no for each in found} == {1}
    assert claims.claim(wanted, "worker@tests:2", Clock()) == []


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")], ids=["server", "client"])
def test_a_claim_is_tried_again_when_the_connection_broke(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    run = make_run()
    at = failing_first(monkeypatch, iter([error]))

    (found,) = claims.claim([(run.pk, 0)], "worker@tests:1", Clock())

    assert found.run_id == run.pk
    assert len(at) == 2
    assert Run.objects.get().attempt_at == at[-1], "the clock is read again for each try"


def test_claiming_is_given_up_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    at = failing_first(monkeypatch, iter([OperationalError("gone")] * 100))

    with pytest.raises(OperationalError, match="gone"):
        claims.claim([(run.pk, 0)], "worker@tests:1", Clock())

    assert 2 <= len(at) <= claims.CLAIM_RETRY_TIMEOUT // SECOND


def test_an_error_of_the_statement_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at = failing_first(monkeypatch, iter([DataError("wrong")]))

    with pytest.raises(DataError, match="wrong"):
        claims.claim([], "worker@tests:1", Clock())

    assert len(at) == 1
