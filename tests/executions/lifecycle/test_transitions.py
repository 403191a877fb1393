"""Proves that each write of a run's status is guarded, fenced by the claim, and recorded as an event."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from executions.lifecycle import transitions
from executions.lifecycle.types import Claim, Ending
from executions.models import Attempt, Run, RunEvent
from executions.policies.run_policies import RunPolicies, read_policies
from executions.states import LIVE, TERMINAL, TRANSITIONS, AttemptStatus, CancelReason, Reason, RunStatus
from executions.targets.base import Cancelled, Failed, RetryAt, Succeeded
from executions.worker import endings
from tests.factories import NOW, claim, end, make_job, make_run, make_skipped
from tests.steps import steps_of
from values.readable import value_or_raise

if TYPE_CHECKING:
    from collections.abc import Callable

    from executions.targets.base import Outcome

LEASE = timedelta(seconds=30)
LATER = NOW + timedelta(seconds=1)


def ending(claimed: Claim, outcome: Outcome | None = None) -> Ending:
    ended = endings.EndedAttempt(claimed.run_id, claimed.claim_no, claimed.attempt, claimed.n_lost)
    return endings.after_outcome(
        ended, outcome or Succeeded(), value_or_raise(read_policies(claimed.policies)), LATER, 0.5
    )


def kinds(run: Run) -> list[str]:
    return list(RunEvent.objects.filter(run=run).values_list("kind", flat=True))


@pytest.mark.django_db
class TestClaim:
    def test_a_claim_returns_all_that_the_target_needs(self) -> None:
        run = make_run(make_job(payload={"message": "hi"}))
        claimed = claim(run, LATER, worker="celery@host:7")
        assert (claimed.claim_no, claimed.attempt, claimed.job_name) == (1, 1, "greeting")
        assert (claimed.target_kind, claimed.target["name"], claimed.payload) == (
            "command",
            "demo.echo",
            {"message": "hi"},
        )
        run.refresh_from_db()
        assert (run.status, run.worker, run.lease_expires_at, run.dispatch_at) == (
            RunStatus.RUNNING, "celery@host:7", LATER + LEASE, None,
        )  # fmt: skip

    def test_a_message_cannot_claim_its_run_twice(self) -> None:
        run = make_run()
        claim(run)
        assert transitions.claim([(run.pk, 0)], LATER, lease=LEASE, worker="late") == []

    def test_a_message_with_a_spent_claim_number_claims_nothing(self) -> None:
        run = make_run()
        end(run, Failed("x", "no"))
        transitions.dispatch(NOW + timedelta(minutes=1), limit=10, republish_after=LEASE)
        assert transitions.claim([(run.pk, 0)], LATER, lease=LEASE, worker="late") == []
        assert len(transitions.claim([(run.pk, 1)], LATER, lease=LEASE, worker="right")) == 1

    def test_a_cancelled_run_cannot_be_claimed(self) -> None:
        run = make_run()
        assert transitions.cancel(run.pk, LATER, actor="ann") is RunStatus.CANCELLED
        assert transitions.claim([(run.pk, 0)], LATER, lease=LEASE, worker="late") == []

    def test_one_statement_claims_many_runs(self) -> None:
        job = make_job()
        runs = [make_run(job, NOW + timedelta(minutes=n)) for n in range(5)]
        claims = transitions.claim([(run.pk, 0) for run in runs], LATER, lease=LEASE, worker="w")
        assert {c.run_id for c in claims} == {run.pk for run in runs}

    def test_claims_come_in_the_order_in_which_the_message_names_the_runs(self) -> None:
        job = make_job()
        runs = [make_run(job, NOW + timedelta(minutes=n)) for n in (3, 0, 4, 1, 2)]
        for named in (runs, runs[::-1]):
            Run.objects.update(status=RunStatus.QUEUED, claim_no=0)
            claims = transitions.claim([(run.pk, 0) for run in named], LATER, lease=LEASE, worker="w")
            assert [claimed.run_id for claimed in claims] == [run.pk for run in named]


@pytest.mark.django_db
class TestFinish:
    def test_success_writes_the_run_its_attempt_and_its_event(self) -> None:
        run = end(make_run(), Succeeded({"answer": 42}))
        assert (run.status, run.n_attempts, run.dispatch_at, run.lease_expires_at) == (
            RunStatus.SUCCEEDED,
            1,
            None,
            None,
        )
        attempt = Attempt.objects.get(run=run)
        assert (attempt.number, attempt.status, attempt.result) == (1, AttemptStatus.SUCCEEDED, {"answer": 42})
        assert attempt.duration == timedelta(milliseconds=250)
        assert kinds(run) == ["queued", "running", "succeeded"]

    def test_a_failure_is_retried_later_and_the_last_one_is_final(self) -> None:
        run = make_run(make_job(policies={"retry": {"max_retries": 1, "jitter": False}}))
        end(run, Failed("http_status", "500"))
        assert (run.status, run.finished_at) == (RunStatus.RETRYING, None)
        assert run.available_at == run.dispatch_at == NOW + timedelta(seconds=5, milliseconds=258)
        transitions.dispatch(run.available_at, limit=10, republish_after=LEASE)
        end(run, Failed("http_status", "500 again"))
        assert (run.status, run.error_code, run.error) == (RunStatus.FAILED, "http_status", "500 again")
        assert kinds(run) == ["queued", "running", "retrying", "queued", "running", "failed"]
        assert list(Attempt.objects.filter(run=run).values_list("number", "status")) == [(1, "failed"), (2, "failed")]

    def test_a_permanent_failure_is_final_at_once(self) -> None:
        assert end(make_run(), Failed("http_status", "404", permanent=True)).status == RunStatus.FAILED

    def test_a_target_may_name_the_time_of_the_next_retry(self) -> None:
        at = NOW + timedelta(seconds=77)
        assert end(make_run(), RetryAt(at, "http_status", "503")).available_at == at

    def test_a_retry_time_in_the_past_means_now(self) -> None:
        assert end(make_run(), RetryAt(NOW - LEASE, "http_status", "503"), LATER).available_at == LATER

    def test_naming_a_retry_time_uses_up_a_retry(self) -> None:
        run = make_run(make_job(policies={"retry": {"max_retries": 0}}))
        assert end(run, RetryAt(LATER, "http_status", "503")).status == RunStatus.FAILED

    def test_a_timeout_has_its_own_attempt_status(self) -> None:
        run = end(make_run(), Failed("timed_out", "30 s are over"))
        assert Attempt.objects.get(run=run).status == AttemptStatus.TIMED_OUT

    def test_a_target_that_stops_on_request_ends_as_cancelled(self) -> None:
        assert end(make_run(), Cancelled("stopped")).status == RunStatus.CANCELLED

    def test_a_stale_worker_cannot_overwrite_the_result(self) -> None:
        run = make_run()
        stale = claim(run)
        lost = endings.after_loss(endings.EndedAttempt(run.pk, 1, 1, 0), RunPolicies(), LATER)
        assert set(transitions.finish([lost], LATER)) == {run.pk}
        fresh = claim(run, LATER)
        assert transitions.finish([ending(stale, Failed("x", "stale", permanent=True))], LATER) == {}
        assert set(transitions.finish([ending(fresh)], LATER)) == {run.pk}
        run.refresh_from_db()
        assert run.status == RunStatus.SUCCEEDED
        assert list(Attempt.objects.values_list("number", "status")) == [(1, "lost"), (2, "succeeded")]

    def test_an_attempt_is_finished_once(self) -> None:
        claimed = claim(make_run())
        assert transitions.finish([ending(claimed)], LATER) == {claimed.run_id: RunStatus.SUCCEEDED}
        assert transitions.finish([ending(claimed)], LATER) == {}
        assert Attempt.objects.count() == 1

    def test_text_that_postgresql_cannot_store_is_cleaned(self) -> None:
        run = end(make_run(), Failed("x", "a\x00b\ud800", permanent=True, result={"t": "c\x00d", "n": float("inf")}))
        assert (run.error, Attempt.objects.get().result) == ("ab\ufffd", {"t": "cd", "n": None})

    def test_each_of_several_endings_keeps_its_own_result(self) -> None:
        claims = [claim(make_run(make_job(f"job {number}"))) for number in range(3)]
        results = [{"n": 1}, None, ["é", "\\"]]
        ended = (RunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)
        transitions.finish(
            [
                Ending(each.run_id, each.claim_no, *ended, result=result)
                for each, result in zip(claims, results, strict=True)
            ],
            NOW,
        )
        assert [Attempt.objects.get(run_id=each.run_id).result for each in claims] == results
        assert Attempt.objects.filter(result__isnull=True).count() == 1

    def test_what_a_result_contains_does_not_change_the_work(self) -> None:
        n_steps: list[int] = []
        for number, character in enumerate('xx"\\é'):
            claimed = claim(make_run(make_job(f"job {number}")))
            ending = Ending(
                claimed.run_id,
                claimed.claim_no,
                RunStatus.SUCCEEDED,
                AttemptStatus.SUCCEEDED,
                result=character * 65_536,
            )
            n_steps.append(steps_of(partial(transitions.finish, [ending], NOW)))
        assert max(n_steps[1:]) < 1.5 * min(n_steps[1:])


@pytest.mark.django_db
class TestCancelAndRenew:
    def test_cancelling_a_running_run_leaves_a_stop_request_for_its_worker(self) -> None:
        run = make_run()
        claimed = claim(run)
        assert transitions.cancel(run.pk, LATER, actor="ann") is RunStatus.RUNNING
        key = (claimed.run_id, claimed.claim_no)
        renewal = transitions.renew([key], LATER, LEASE)
        assert renewal.held == renewal.cancelled == {key}
        assert RunEvent.objects.filter(kind="cancel_requested", actor="ann").count() == 1

    @pytest.mark.parametrize("outcome", [Failed("x", "x"), RetryAt(LATER, "x", "x")])
    def test_a_run_with_a_stop_request_is_not_retried(self, outcome: Outcome) -> None:
        run = make_run()
        claimed = claim(run)
        transitions.cancel(run.pk, LATER, actor="ann")
        assert transitions.finish([ending(claimed, outcome)], LATER) == {run.pk: RunStatus.CANCELLED}
        run.refresh_from_db()
        assert (run.status, run.dispatch_at, run.finished_at) == (RunStatus.CANCELLED, None, LATER)
        assert kinds(run) == ["queued", "running", "cancel_requested", "cancelled"]

    def test_a_run_with_a_stop_request_may_still_succeed(self) -> None:
        run = make_run()
        claimed = claim(run)
        transitions.cancel(run.pk, LATER, actor="ann")
        assert transitions.finish([ending(claimed)], LATER) == {run.pk: RunStatus.SUCCEEDED}

    def test_an_ended_run_cannot_be_cancelled(self) -> None:
        assert transitions.cancel(end(make_run()).pk, LATER, actor="ann") is None
        assert transitions.cancel(make_skipped(make_job("other")).pk, LATER, actor="ann") is None

    def test_a_heartbeat_extends_the_lease_of_held_claims_only(self) -> None:
        run = make_run()
        claim(run)
        assert transitions.renew([(run.pk, 7)], LATER, LEASE).held == frozenset()
        assert transitions.renew([(run.pk, 1)], LATER + LEASE, LEASE).held == {(run.pk, 1)}
        run.refresh_from_db()
        assert run.lease_expires_at == LATER + 2 * LEASE


@pytest.mark.django_db
class TestDispatch:
    def test_an_unclaimed_run_is_published_again_after_doubling_waits(self) -> None:
        run = make_run()
        waits, at = [], NOW
        for _ in range(8):
            (due,) = transitions.dispatch(at, limit=10, republish_after=timedelta(seconds=15))
            assert (due.run_id, due.claim_no) == (run.pk, 0)
            assert transitions.dispatch(at, limit=10, republish_after=timedelta(seconds=15)) == []
            run.refresh_from_db()
            assert run.dispatch_at is not None
            waits.append((run.dispatch_at - at).total_seconds())
            at = run.dispatch_at
        assert waits == [15, 30, 60, 120, 240, 480, 600, 600]
        assert kinds(run) == ["queued"], "publishing again is no status change"

    def test_a_claimed_run_is_not_published(self) -> None:
        claim(make_run())
        assert transitions.dispatch(NOW + timedelta(days=1), limit=10, republish_after=LEASE) == []


class TestAnyWalk(TestCase):
    """Random steps on a run: its events record each status change, and TRANSITIONS allows each."""

    @pytest.mark.long
    @given(st.lists(st.sampled_from(["claim", "succeed", "fail", "later", "lose", "cancel", "dispatch"]), max_size=12))
    def test_events_are_the_transitions_and_each_is_allowed(self, steps: list[str]) -> None:
        run, now, held = make_run(make_job(policies={"retry": {"max_retries": 2}})), NOW, None
        statuses: list[str] = [run.status]
        for step in steps:
            now += timedelta(minutes=1)
            match step:
                case "claim":
                    run.refresh_from_db()
                    claims = transitions.claim([(run.pk, run.claim_no)], now, lease=LEASE, worker="w")
                    held = claims[0] if claims else held
                case "cancel":
                    transitions.cancel(run.pk, now, actor="ann")
                case "dispatch":
                    transitions.dispatch(now, limit=1, republish_after=LEASE)
                case "lose" if held:
                    ended = endings.EndedAttempt(run.pk, held.claim_no, held.attempt, held.n_lost)
                    transitions.finish([endings.after_loss(ended, RunPolicies(), now)], now)
                case "succeed" | "fail" | "later" if held:
                    outcomes: dict[str, Outcome] = {
                        "succeed": Succeeded(),
                        "fail": Failed("x", "x"),
                        "later": RetryAt(now, "x", "x"),
                    }
                    transitions.finish([ending(held, outcomes[step])], now)
            run.refresh_from_db()
            if run.status != statuses[-1]:
                statuses.append(run.status)
        recorded = [kind for kind in kinds(run) if kind != "cancel_requested"]
        assert recorded == statuses
        assert all(to in TRANSITIONS[RunStatus(was)] for was, to in pairwise(statuses))


@pytest.mark.django_db
def test_a_skipped_run_is_created_ended_with_its_reason() -> None:
    run = make_skipped(reason=Reason.PAUSED)
    assert (run.status, run.reason, run.finished_at) == (RunStatus.SKIPPED, Reason.PAUSED, NOW)
    assert list(RunEvent.objects.values_list("kind", "reason")) == [("skipped", "paused")]


@pytest.mark.long
@pytest.mark.django_db
@pytest.mark.parametrize("was", RunStatus)
def test_the_statements_make_exactly_the_allowed_transitions(was: RunStatus) -> None:
    steps: list[Callable[[Run], object]] = [
        lambda run: transitions.claim([(run.pk, 0)], NOW, lease=LEASE, worker="w"),
        lambda run: transitions.cancel(run.pk, LATER, actor="ann"),
        lambda run: transitions.cancel_not_running(run.job_id, LATER, actor="ann", reason=CancelReason.JOB_DELETED),
        lambda run: transitions.return_claims([(run.pk, 0)], LATER),
        lambda run: transitions.dispatch(LATER, limit=10, republish_after=LEASE),
        lambda run: transitions.release({run.pk: None}, LATER),
        lambda run: transitions.release({run.pk: Reason.OVER_LIMIT}, LATER),
        lambda run: transitions.expire(LATER, 10),
        lambda run: transitions.cancel_others([run.job_id], LATER),
        lambda run: transitions.terminate_others([run.job_id], LATER),
        *(partial(finish_as, status) for status in RunStatus),
    ]
    taken = set()
    for number, step in enumerate(steps):
        run = make_run(make_job(f"job {number}"))
        finished_at = NOW if was in TERMINAL else None
        made = {"finished_at": finished_at, "dispatch_at": NOW, "attempt_at": NOW, "expires_at": LATER}
        Run.objects.filter(pk=run.pk).update(status=was, **made)
        step(run)
        run.refresh_from_db()
        taken.add(RunStatus(run.status))
        run.delete()
    assert taken - {was} == TRANSITIONS[was]


def finish_as(status: RunStatus, run: Run) -> None:
    retry_at = LATER if status in LIVE else None
    transitions.finish([Ending(run.pk, 0, status, AttemptStatus.FAILED, retry_at=retry_at)], LATER)
