"""Proves that runs whose worker was lost are recovered, and how their attempts end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.lifecycle import transitions
from executions.models import Attempt, Run, RunSpec
from executions.states import RunStatus
from executions.targets.base import Failed
from executions.worker.endings import MAX_LOST
from executions.worker.reaper import Reaped, reap_once
from tests.factories import NOW, claim, end, make_job, make_run
from tests.poison import cure, poison

pytestmark = pytest.mark.django_db

LEASE, HEARTBEAT = timedelta(seconds=30), timedelta(seconds=5)


def lose(run: Run, **policies: object) -> Reaped:
    """Claim the run, let its lease expire, and reap it."""
    claimed_at = claim(run).nominal_at + timedelta(milliseconds=8)
    return reap_once(claimed_at + LEASE + timedelta(seconds=1), 10)


def test_a_run_with_a_valid_lease_is_not_reaped() -> None:
    run = make_run()
    claim(run)
    assert reap_once(NOW + LEASE, 10) == Reaped()


def test_a_lost_run_is_queued_at_once_and_uses_up_no_retry() -> None:
    run = make_run(make_job(policies={"retry": {"max_retries": 0}}))
    assert lose(run) == Reaped(n_again=1)
    run.refresh_from_db()
    assert (run.status, run.n_lost, run.claim_no) == (RunStatus.QUEUED, 1, 1)
    assert run.dispatch_at == NOW + LEASE + timedelta(seconds=1, milliseconds=8)
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.error_code) == ("lost", "lost")


def test_a_loss_does_not_reduce_the_number_of_retries() -> None:
    run = make_run(make_job(policies={"retry": {"max_retries": 1}}))
    lose(run)
    assert end(run, Failed("exception", "no luck"), run.nominal_at + LEASE * 2).status == RunStatus.RETRYING
    transitions.dispatch(NOW + timedelta(days=1), limit=10, republish_after=LEASE)
    assert end(run, Failed("exception", "no luck"), NOW + timedelta(days=2)).status == RunStatus.FAILED


def test_a_run_that_kills_every_worker_fails_after_max_lost() -> None:
    run = make_run()
    for _ in range(MAX_LOST):
        assert lose(run).n_again == 1
    assert lose(run) == Reaped(n_over=1)
    run.refresh_from_db()
    assert (run.status, run.n_attempts) == (RunStatus.FAILED, MAX_LOST + 1)


def test_a_lost_run_with_delivery_at_most_once_fails() -> None:
    run = make_run(make_job(policies={"delivery": "at_most_once"}))
    assert lose(run) == Reaped(n_over=1)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (RunStatus.FAILED, "lost")


def test_a_failed_run_with_delivery_at_most_once_is_not_retried() -> None:
    run = make_run(make_job(policies={"delivery": "at_most_once"}))
    assert end(run, Failed("x", "x")).status == RunStatus.FAILED


def test_a_run_with_unreadable_policies_fails_and_others_are_recovered() -> None:
    strange, run = make_run(make_job("strange")), make_run()
    for each in (strange, run):
        claim(each)
    RunSpec.objects.filter(job_name="strange").update(policies={"overlap": "from the future"})
    assert reap_once(NOW + 2 * LEASE, 10) == Reaped(n_again=1, n_over=1)
    strange.refresh_from_db()
    assert (strange.status, strange.error_code) == (RunStatus.FAILED, "invalid_definition")


def test_a_lost_run_of_an_unknown_target_kind_fails_with_the_reason() -> None:
    run = make_run()
    claim(run)
    RunSpec.objects.update(target_kind="agent", target={"kind": "agent"})
    assert reap_once(NOW + 2 * LEASE, 10) == Reaped(n_over=1)
    assert "The target cannot be read: kind must be http or command." in Attempt.objects.get().error


def test_a_lost_run_with_a_stop_request_is_cancelled() -> None:
    run = make_run()
    claim(run)
    transitions.cancel(run.pk, NOW + LEASE / 2, actor="ann")
    assert reap_once(NOW + 2 * LEASE, 10) == Reaped(n_over=1)
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


@pytest.mark.parametrize("alive_for", [timedelta(seconds=62), timedelta(minutes=1) - HEARTBEAT / 2])
def test_an_attempt_killed_after_its_timeout_is_timed_out_and_retried(
    alive_for: timedelta,
) -> None:
    run = make_run(make_job(policies={"timeout": "1m", "retry": {"max_retries": 1}}))
    claimed = claim(run)
    transitions.renew([(run.pk, claimed.claim_no)], NOW + alive_for, LEASE)
    reap_once(NOW + timedelta(seconds=95), 10)
    run.refresh_from_db()
    assert run.status == RunStatus.RETRYING
    assert Attempt.objects.get().status == "timed_out"


def test_a_worker_that_died_before_the_timeout_counts_as_lost() -> None:
    run = make_run(make_job(policies={"timeout": "10s"}))
    lose(run)
    assert Attempt.objects.get().status == "lost"


def test_a_run_that_cannot_be_written_does_not_stop_the_reaper() -> None:
    runs = [make_run(make_job(f"job {number}")) for number in range(4)]
    for run in runs:
        claim(run)
    bad = runs.pop(1)
    poison("executions_run", "id", bad.pk, on="UPDATE")
    assert reap_once(NOW + 2 * LEASE, 10) == Reaped(n_again=3)
    assert set(Run.objects.filter(status=RunStatus.QUEUED)) == set(runs)
    cure("executions_run", bad.pk)
    assert reap_once(NOW + 2 * LEASE, 10) == Reaped(n_again=1)
