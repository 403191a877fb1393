"""Proves which queued runs are published, in which messages, and that a bad row stops no other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import OperationalError
from structlog.testing import capture_logs

from executions.dispatch import Dispatched, dispatch_once, expire_once, postpone, republish_stranded, share_of
from executions.lifecycle import transitions
from executions.models import Run, RunSpec
from executions.targets.base import Failed
from schedules.queries import NEVER, next_at
from tests.factories import NOW, claim, end, make_job, make_run
from tests.poison import cure, poison
from values.database import PUSH_BACK_DELAY

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

pytestmark = pytest.mark.django_db

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_a_message_names_the_claim_the_queue_and_the_time_limit() -> None:
    run = make_run(make_job(policies={"timeout": "20s"}))
    (message,) = dispatch_once(NOW, 10).messages
    assert message.args == [[[str(run.pk), 0]]]
    claim = f"{run.pk}.0"
    expected = {"queue": "command", "task_id": claim, "argsrepr": claim, "time_limit": 30.0, "priority": 6}
    assert message.options == expected


def test_a_message_names_the_host_of_an_http_run_by_its_hash() -> None:
    run = make_run(make_job(target={"kind": "http", "url": "https://example.com/hook"}))
    (message,) = dispatch_once(NOW, 10).messages
    assert message.args == [[[str(run.pk), 0, share_of("http", '{"url": "http://example.com"}')]]]


def test_a_postponed_message_is_due_again_at_the_given_time() -> None:
    make_run()
    messages = dispatch_once(NOW, 10).messages
    assert postpone(messages, NOW + SECOND) == 1
    assert next_at().dispatch == NOW + SECOND
    assert dispatch_once(NOW + SECOND, 10).messages == messages


def test_a_claimed_run_is_not_postponed() -> None:
    run = make_run()
    messages = dispatch_once(NOW, 10).messages
    claim(run)
    assert postpone(messages, NOW + SECOND) == 0
    assert next_at().dispatch == NEVER


def test_a_run_with_an_unknown_target_kind_delays_no_other() -> None:
    make_run(make_job("strange"))
    run = make_run()
    RunSpec.objects.filter(job_name="strange").update(target_kind="from the future")
    assert [message.args for message in dispatch_once(NOW, 10).messages] == [[[[str(run.pk), 0]]]]


def test_runs_of_an_empty_queue_are_due_at_once() -> None:
    job = make_job()
    for minute in range(3):
        make_run(job, NOW + timedelta(minutes=minute))
    now = NOW + timedelta(hours=1)
    for _ in range(5):
        assert len(dispatch_once(now, 10).messages) == 3
        now = next_at().dispatch
    dispatch_once(now, 10)
    assert next_at().dispatch > now + timedelta(minutes=5)
    now += 5 * SECOND
    assert republish_stranded(["http"], now) == 0
    assert republish_stranded(["command"], now) == 3
    assert len(dispatch_once(now, 10).messages) == 3
    assert republish_stranded(["command"], now) == 0


def test_a_run_published_just_now_is_not_stranded() -> None:
    run = make_run()
    dispatch_once(NOW, 10)
    assert republish_stranded(["command"], NOW + 4 * SECOND) == 0
    claim(run)
    assert republish_stranded(["command"], NOW + timedelta(hours=1)) == 0


def test_a_message_has_the_priority_of_its_runs() -> None:
    jobs = [make_job(name, policies={"priority": name}) for name in ("low", "medium", "high", "critical")]
    for job in jobs:
        make_run(job)
    found = [message.options["priority"] for message in dispatch_once(NOW, 10).messages]
    assert sorted(found) == sorted(settings.MESSAGE_PRIORITIES)


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_run_that_cannot_be_written_does_not_stop_publishing(place: int) -> None:
    job = make_job()
    runs = [make_run(job, NOW - number * SECOND) for number in range(7)]
    bad = runs.pop(place)
    poison("executions_run", "id", bad.pk, on="UPDATE")
    dispatched = dispatch_once(NOW, 10)
    assert {run.run_id for message in dispatched.messages for run in message.runs} == {run.pk for run in runs}
    assert dispatched.n_broken == 1
    assert dispatch_once(NOW, 10).messages == []
    cure("executions_run", bad.pk)
    (message,) = dispatch_once(NOW, 10).messages
    assert message.args == [[[str(bad.pk), 0]]]


def test_a_run_that_cannot_be_published_is_pushed_back() -> None:
    now = NOW + MINUTE
    bad, other = [retrying(NOW), retrying(NOW + SECOND)]
    poison("executions_runevent", "run_id", bad.pk)
    with capture_logs() as logs:
        dispatched = dispatch_once(now, 1)
        assert (dispatched.messages, dispatched.n_broken) == ([], 1)
        assert run_ids(dispatch_once(now, 1)) == {other.pk}, "it does not keep its place in the queue"
    assert [line["run"] for line in logs if line["event"] == "cannot_publish"] == [str(bad.pk)]
    assert next_at().dispatch == now + PUSH_BACK_DELAY
    cure("executions_runevent", bad.pk)
    assert run_ids(dispatch_once(now + PUSH_BACK_DELAY, 1)) == {bad.pk}


def test_when_no_run_can_be_published_none_is_pushed_back() -> None:
    now = NOW + MINUTE
    runs = [retrying(NOW), retrying(NOW + SECOND)]
    for run in runs:
        poison("executions_runevent", "run_id", run.pk)
    with capture_logs() as logs:
        assert dispatch_once(now, 10).n_broken == 2
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["pass_failed"]
    assert next_at().dispatch <= now


def retrying(nominal_at: datetime) -> Run:
    """Return a run whose first attempt failed and whose retry is due within a minute: publishing it writes an event."""
    return end(make_run(nominal_at=nominal_at), Failed("exception", "no"))


def run_ids(dispatched: Dispatched) -> set[UUID]:
    return {run.run_id for message in dispatched.messages for run in message.runs}


def test_a_run_that_cannot_be_written_does_not_stop_expiry() -> None:
    bad, *others = [make_run(nominal_at=NOW + number * SECOND, expires_at=NOW + MINUTE) for number in range(5)]
    poison("executions_run", "id", bad.pk, on="UPDATE")
    assert expire_once(NOW + 2 * MINUTE, 10) == 4
    assert set(Run.objects.filter(status="skipped").values_list("pk", flat=True)) == {run.pk for run in others}
    assert expire_once(NOW + 2 * MINUTE, 10) == 0
    cure("executions_run", bad.pk)
    assert expire_once(NOW + 2 * MINUTE, 10) == 1


def test_a_run_that_cannot_expire_is_pushed_back_and_does_not_start() -> None:
    now = NOW + 2 * MINUTE
    bad, other = [make_run(nominal_at=NOW + n * SECOND, expires_at=NOW + MINUTE + n * SECOND) for n in range(2)]
    poison("executions_runevent", "run_id", bad.pk)
    with capture_logs() as logs:
        assert [expire_once(now, 1), expire_once(now, 1)] == [0, 1]
    assert [line["run"] for line in logs if line["event"] == "cannot_expire"] == [str(bad.pk)]
    assert Run.objects.get(status="skipped").pk == other.pk
    assert next_at().expire == now + PUSH_BACK_DELAY
    cure("executions_runevent", bad.pk)
    assert not transitions.claim([(bad.pk, 0)], now, lease=MINUTE, worker="w"), "its deadline has passed"
    assert dispatch_once(now, 10).messages == []
    assert expire_once(now + PUSH_BACK_DELAY, 10) == 1


def test_when_no_run_can_expire_all_are_logged_and_none_is_pushed_back() -> None:
    now = NOW + 2 * MINUTE
    runs = [make_run(nominal_at=NOW + number * SECOND, expires_at=NOW + MINUTE) for number in range(2)]
    for run in runs:
        poison("executions_runevent", "run_id", run.pk)
    with pytest.raises(OperationalError, match="poisoned"):
        expire_once(now, 10)
    assert next_at().expire == NOW + MINUTE
