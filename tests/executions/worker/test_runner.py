"""Proves how a worker claims, executes and ends the runs of a message, with real targets; and its heartbeat and log."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from executions.dispatch import KILL_AFTER, dispatch_once
from executions.lifecycle import transitions
from executions.lifecycle.types import Claim, Ending
from executions.models import Attempt, LogLine, Run, RunEvent, RunSpec
from executions.states import RunStatus
from executions.targets.base import StopReason
from executions.worker import end_writer, heartbeat, logs, one_by_one, runner
from executions.worker.context import RunContext
from executions.worker.reaper import reap_once
from tests.factories import ECHO, NOW, claim, end, make_job, make_run
from tests.receiver import answer, running_receiver
from tests.waiting import wait_until
from values import database

if TYPE_CHECKING:
    from pytest_django import Settings


# The runner releases its database connection before it calls a target. That would end a test's transaction.
pytestmark = pytest.mark.django_db(transaction=True)

HTTP: dict[str, Any] = {
    "target_kind": "http",
    "target": {"kind": "http", "url": "http://127.0.0.1:1/", "method": "POST"},
}


def clock() -> datetime:
    return NOW + timedelta(seconds=1)


def execute(run: Run) -> list[Ending]:
    return runner.execute_runs([(run.pk, run.claim_no)], "worker@tests:1", clock)


def result_of(run: Run) -> dict[str, Any]:
    result: dict[str, Any] = Attempt.objects.get(run=run).result or {}
    return result


def test_a_command_is_executed_and_its_result_and_log_are_stored() -> None:
    run = make_run(make_job(payload={"message": "good morning"}))
    execute(run)
    run.refresh_from_db()
    assert (run.status, run.worker, run.n_attempts) == (RunStatus.SUCCEEDED, "worker@tests:1", 1)
    assert result_of(run)["message"] == "good morning"
    assert [line.message for line in LogLine.objects.all()] == ["good morning"]


def test_executing_a_run_takes_two_statements() -> None:
    run = make_run(make_job(target={"kind": "command", "name": "demo.sleep"}, payload={"seconds": 0}))
    with CaptureQueriesContext(connection) as queries:
        execute(run)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    assert len(queries) == 2, [query["sql"][:60] for query in queries]


def test_executing_an_http_run_takes_two_statements(settings: Settings) -> None:
    settings.MAINSPRING = replace(settings.MAINSPRING, http_allow_private_networks=True)
    with running_receiver() as receiver:
        run = make_run(make_job(target={"kind": "http", "url": receiver.script("/", answer())}))
        with CaptureQueriesContext(connection) as queries:
            execute(run)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED
    assert len(queries) == 2, [query["sql"][:60] for query in queries]


def test_a_failing_command_is_retried_and_its_error_stored() -> None:
    run = make_run(make_job(target={"kind": "command", "name": "demo.fail"}, payload={"message": "no luck"}))
    (ended,) = execute(run)
    assert (ended.status, ended.error_code) == (RunStatus.RETRYING, "exception")
    attempt = Attempt.objects.get()
    assert "no luck" in attempt.error and attempt.retry_at is not None


def test_a_message_with_a_spent_claim_does_nothing() -> None:
    run = end(make_run())
    assert runner.execute_runs([(run.pk, 0)], "w", clock) == []
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize(
    ("frozen", "code", "named"),
    [
        ({"target": {"kind": "command", "name": "gone.away"}}, "invalid_target", "gone.away"),
        ({"payload": {"massage": "typo"}}, "invalid_target", "payload.massage"),
        (HTTP | {"payload": None}, "address_denied", "127.0.0.1"),
        (HTTP | {"payload": [1], "target": HTTP["target"] | {"body_format": "form"}}, "invalid_request", "payload"),
        ({"target": ECHO | {"colour": "red"}}, "invalid_definition", "colour"),
        (
            {"target_kind": "agent", "target": {"kind": "agent"}},
            "invalid_definition",
            "kind must be http or command",
        ),
        ({"policies": {"overlap": "from the future"}}, "invalid_definition", "overlap must be one of"),
    ],
)
def test_a_run_that_this_worker_cannot_execute_fails_with_the_reason(
    frozen: dict[str, Any], code: str, named: str
) -> None:
    run = make_run()
    RunSpec.objects.update(**frozen)
    (ended,) = execute(run)
    assert (ended.status, ended.error_code) == (RunStatus.FAILED, code)
    assert named in ended.error


class Refused:
    """A database that refuses every statement; each try takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.now, self.took, self.n_tries = NOW, timedelta(seconds=seconds), 0

    def clock(self) -> datetime:
        return self.now

    def __call__(self, *_: Any) -> NoReturn:
        self.now += self.took
        self.n_tries += 1
        raise OperationalError("the database refuses")


@pytest.mark.parametrize(("seconds", "n_tries"), [(0.5, 8), (3.9, 2), (4, 1)])
def test_claiming_is_given_up_before_the_pool_kills_the_process(
    monkeypatch: pytest.MonkeyPatch, seconds: float, n_tries: int
) -> None:
    monkeypatch.setattr(database, "DATABASE_RETRY_SECONDS", 0)
    runner.batch_size.get().size = 1
    runs = [make_run(make_job(name)) for name in ("one", "two")]
    refused = Refused(seconds)
    with connection.execute_wrapper(refused):
        assert runner.execute_runs([(run.pk, 0) for run in runs], "w", refused.clock) == []
    assert refused.now - NOW < KILL_AFTER
    assert refused.n_tries == n_tries
    assert {run.status for run in Run.objects.all()} == {RunStatus.QUEUED}


def test_deleting_a_job_does_not_change_its_runs() -> None:
    job = make_job()
    run = make_run(job)
    job.delete()
    execute(run)
    assert result_of(run)["message"] == "hello"


class TestHeartbeat:
    def test_it_renews_claims_and_stores_the_log_while_the_target_runs(self, settings: Settings) -> None:
        run = make_run()
        context = RunContext(claim(run), timedelta(minutes=5))
        context.log("halfway")
        later = NOW + timedelta(seconds=20)
        heartbeat.renew_once([context], later)
        run.refresh_from_db()
        assert run.lease_expires_at == later + settings.MAINSPRING.lease
        assert context.should_stop() is None
        assert LogLine.objects.get().message == "halfway"

    def test_it_passes_on_a_stop_request(self) -> None:
        run = make_run()
        context = RunContext(claim(run), timedelta(minutes=5))
        heard: list[StopReason] = []
        context.on_stop(heard.append)
        transitions.cancel(run.pk, NOW, actor="ann")
        heartbeat.renew_once([context], NOW)
        assert heard == [StopReason.CANCELLED]

    def test_it_stops_a_target_whose_claim_is_lost(self) -> None:
        run = make_run()
        context = RunContext(claim(run), timedelta(minutes=5))
        assert claim_again(run).claim_no == 2
        heartbeat.renew_once([context], NOW)
        assert context.should_stop() is StopReason.LOST


def claim_again(run: Run) -> Claim:
    """Let the first claim expire, and claim the run again."""
    reap_once(NOW + timedelta(minutes=1), 10)
    return claim(run, NOW + timedelta(minutes=1))


class TestContext:
    def test_a_callback_registered_after_the_stop_request_is_called_at_once(self) -> None:
        context = RunContext(claim(make_run()), timedelta(minutes=5))
        context.stop(StopReason.CANCELLED)
        heard: list[StopReason] = []
        context.on_stop(heard.append)
        assert heard == [StopReason.CANCELLED]

    def test_only_the_first_stop_request_calls_the_registered_callbacks(self) -> None:
        context = RunContext(claim(make_run()), timedelta(minutes=5))
        heard: list[StopReason] = []
        forgotten: list[StopReason] = []
        context.on_stop(heard.append)
        context.on_stop(forgotten.append)()
        context.stop(StopReason.LOST)
        context.stop(StopReason.CANCELLED)
        assert (heard, forgotten, context.should_stop()) == ([StopReason.LOST], [], StopReason.LOST)

    def test_empty_lines_count_towards_the_maximum_log_size(self, settings: Settings) -> None:
        settings.MAINSPRING = replace(settings.MAINSPRING, log_bytes=1000)
        context = RunContext(claim(make_run()), timedelta(minutes=5))
        for _ in range(500):
            context.log("")
        logs.store([context.run_log])
        assert LogLine.objects.count() <= 10

    def test_a_log_that_is_cut_off_says_so(self, settings: Settings) -> None:
        settings.MAINSPRING = replace(settings.MAINSPRING, log_bytes=210)
        context = RunContext(claim(make_run()), timedelta(minutes=5))
        for text in ("12345", "67890x", "never seen"):
            context.log(text)
        logs.store([context.run_log])
        assert [line.message[:7] for line in LogLine.objects.all()] == ["12345", "The log"]


def test_quick_runs_of_one_message_share_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    # With a clock that stands still every run is quick; without the timer a busy machine does not make one slow.
    monkeypatch.setattr(one_by_one, "SLOW_RUN_AFTER", timedelta(minutes=1))
    job = make_job()
    runs = [make_run(job, NOW + timedelta(milliseconds=number)) for number in range(40)]
    runner.batch_size.get().size = 1
    with CaptureQueriesContext(connection) as queries:
        ended = runner.execute_runs([(run.pk, 0) for run in runs], "w", clock)
    assert [ending.run_id for ending in ended] == [run.pk for run in runs], "in order"
    assert {run.status for run in Run.objects.all()} == {RunStatus.SUCCEEDED}
    assert Attempt.objects.count() == LogLine.objects.count() == 40
    assert len(queries) == 4 * 5, "claim, log (begin, insert, commit) and finish, for batches of 1, 4, 16 and 19 runs"


@pytest.mark.long
def test_a_slow_run_delays_neither_endings_nor_runs_behind_it() -> None:
    quick, slow = make_job(), make_job("slow", target={"kind": "command", "name": "demo.sleep"}, payload={"seconds": 2})
    runs = [
        make_run(job, NOW + timedelta(milliseconds=number)) for number, job in enumerate((quick, slow, quick, quick))
    ]
    runner.batch_size.get().size = 4
    seen: list[set[tuple[object, str]]] = []

    def observe() -> None:
        wait_until(
            lambda: Run.objects.filter(pk=runs[0].pk, status="succeeded").exists(), what="the ending of the first run"
        )
        seen.append(set(Run.objects.values_list("pk", "status")))
        connection.close()

    observer = threading.Thread(target=observe)
    observer.start()
    ended = runner.execute_runs([(run.pk, 0) for run in runs], "w")
    observer.join()
    assert [ending.run_id for ending in ended] == [run.pk for run in runs[:2]]
    statuses = dict(seen[0])
    assert (statuses[runs[0].pk], statuses[runs[1].pk]) == ("succeeded", "running")
    again = dispatch_once(datetime.now(UTC), 10).messages
    assert sorted(message.args for message in again) == [[[[str(run.pk), 1]]] for run in runs[2:]]
    assert [ending.status for run in runs[2:] for ending in runner.execute_runs([(run.pk, 1)], "w")] == [
        RunStatus.SUCCEEDED
    ] * 2
    assert list(Attempt.objects.filter(run=runs[3]).values_list("number", "claim_no")) == [(1, 2)]
    kinds = RunEvent.objects.filter(run=runs[3]).order_by("id").values_list("kind", "reason")
    assert list(kinds) == [
        ("queued", ""),
        ("running", ""),
        ("queued", "given_back"),
        ("running", ""),
        ("succeeded", ""),
    ]


def test_runs_not_started_within_a_second_are_published_again() -> None:
    job = make_job()
    runs = [make_run(job, NOW + timedelta(milliseconds=number)) for number in range(3)]
    ticks = iter(NOW + timedelta(milliseconds=400 * number) for number in range(100))
    runner.batch_size.get().size = 1
    ended = runner.execute_runs([(run.pk, 0) for run in runs], "w", lambda: next(ticks))
    assert [ending.run_id for ending in ended] == [runs[0].pk]
    assert sum(len(message.runs) for message in dispatch_once(NOW + timedelta(seconds=9), 10).messages) == 2


def test_leases_are_not_renewed_after_a_batch_whose_endings_are_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reject(*_: object) -> NoReturn:
        raise DataError("rejected")

    monkeypatch.setattr(end_writer, "write", reject)
    job = make_job()
    runs = [make_run(job, NOW + timedelta(milliseconds=number)) for number in range(3)]
    runner.batch_size.get().size = 3
    with pytest.raises(DataError, match="rejected"):
        runner.execute_runs([(run.pk, 0) for run in runs], "w", clock)

    heartbeat.renew_once(list(heartbeat.heartbeat.get()._contexts.values()), clock() + timedelta(minutes=1))

    recovered = reap_once(clock() + timedelta(minutes=1), 10)
    assert (recovered.n_again, recovered.n_over) == (3, 0)


def test_a_cancelled_run_that_is_returned_to_the_queue_ends() -> None:
    run = make_run()
    claimed = claim(run)
    transitions.cancel(run.pk, clock(), actor="ann")
    assert transitions.return_claims([(run.pk, claimed.claim_no)], clock()) == 1
    run.refresh_from_db()
    assert (run.status, run.n_attempts, run.started_at) == (RunStatus.CANCELLED, 0, None)
