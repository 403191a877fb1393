"""Proves that a heartbeat renews leases, passes on stop requests, and stores the log of claims that still hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from executions import runs
from executions.models import LogLine, Run
from executions.targets.base import StopReason
from executions.worker.context import RunContext
from executions.worker.heartbeat import renew_once
from tests.factories import NOW, claim, end, make_job, make_run

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
LATER = NOW + 10 * SECOND


def running(name: str = "greeting") -> tuple[Run, RunContext]:
    """Return a claimed run and the context of its attempt, with a line in its log."""
    run = make_run(make_job(name))
    context = RunContext(claim(run), timedelta(minutes=1))
    context.log(f"line of {name}")
    return run, context


def lease_of(run: Run) -> object:
    run.refresh_from_db()
    return run.lease_expires_at


def test_a_heartbeat_extends_the_leases_from_now_on() -> None:
    one, other = running("one"), running("other")

    renew_once([one[1], other[1]], LATER)

    assert lease_of(one[0]) == lease_of(other[0]) == LATER + settings.MAINSPRING.lease
    assert one[1].should_stop() is other[1].should_stop() is None


def test_a_heartbeat_stores_the_new_lines_of_a_log_once() -> None:
    run, context = running()

    renew_once([context], LATER)
    renew_once([context], LATER + SECOND)
    context.log("another")
    renew_once([context], LATER + 2 * SECOND)

    assert [line.message for line in run.log_lines.all()] == ["line of greeting", "another"]


def test_an_attempt_whose_run_was_cancelled_is_asked_to_stop_and_keeps_its_lease() -> None:
    (run, context), (_, other) = running("one"), running("other")
    runs.cancel(run, NOW + SECOND, actor="ann")

    renew_once([context, other], LATER)

    assert (context.should_stop(), other.should_stop()) == (StopReason.CANCELLED, None)
    assert lease_of(run) == LATER + settings.MAINSPRING.lease


def test_an_attempt_that_lost_its_claim_stops_and_stores_no_more_lines() -> None:
    run, context = running()
    Run.objects.filter(pk=run.pk).update(claim_no=2)

    renew_once([context], LATER)

    assert context.should_stop() is StopReason.LOST
    assert not LogLine.objects.exists()


def test_an_attempt_whose_run_has_ended_is_told_that_it_lost_its_claim() -> None:
    run = end(make_run())
    context = RunContext(claim(make_run(make_job("other"))), SECOND)
    context.claim_key = (run.pk, run.claim_no)

    renew_once([context], LATER)

    assert context.should_stop() is StopReason.LOST


@pytest.mark.django_db(transaction=True)
def test_a_log_that_cannot_be_stored_does_not_affect_other_logs() -> None:
    (_, bad), (run, good) = running("bad"), running("good")
    lines = bad.run_log.take()
    lines[0].attempt = 2**40  # beyond the column
    bad.run_log.take_back(lines)

    renew_once([bad, good], LATER)

    assert [line.message for line in LogLine.objects.all()] == ["line of good"]
    assert lease_of(run) == LATER + settings.MAINSPRING.lease


def test_without_attempts_a_heartbeat_sends_no_query() -> None:
    with CaptureQueriesContext(connection) as captured:
        renew_once([], LATER)

    assert len(captured) == 0


def test_the_leases_of_several_attempts_are_renewed_by_one_statement() -> None:
    contexts = [running(f"job {number}")[1] for number in range(3)]
    for context in contexts:
        context.run_log.take()

    with CaptureQueriesContext(connection) as captured:
        renew_once(contexts, LATER)

    assert len(captured) == 1
