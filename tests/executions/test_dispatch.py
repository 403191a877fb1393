"""From queued runs to messages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from executions.dispatch import dispatch_once, next_dispatch_at, postpone
from executions.models import RunSpec
from tests.factories import NOW, claim, make_job, make_run

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def test_a_message_names_the_claim_the_queue_and_the_time_after_which_its_process_is_killed() -> None:
    run = make_run(make_job(policies={"timeout": "20s"}))
    (message,) = dispatch_once(NOW, 10)
    assert message.args == [[[str(run.pk), 0]]]
    assert message.options == {"queue": "command", "task_id": f"{run.pk}.0", "time_limit": 30.0}


def test_what_the_broker_did_not_take_is_due_again_when_it_was_postponed_to() -> None:
    make_run()
    messages = dispatch_once(NOW, 10)
    assert postpone(messages, NOW + SECOND) == 1
    assert next_dispatch_at() == NOW + SECOND
    assert dispatch_once(NOW + SECOND, 10) == messages


def test_a_run_that_was_claimed_meanwhile_is_not_postponed() -> None:
    run = make_run()
    messages = dispatch_once(NOW, 10)
    claim(run)
    assert postpone(messages, NOW + SECOND) == 0
    assert next_dispatch_at() is None


def test_a_row_that_this_version_cannot_read_keeps_nobody_waiting() -> None:
    make_run(make_job("strange"))
    run = make_run()
    RunSpec.objects.filter(job_name="strange").update(target_kind="from the future")
    assert [message.run_id for message in dispatch_once(NOW, 10)] == [run.pk]
