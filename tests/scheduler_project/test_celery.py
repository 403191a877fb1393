"""Proves what Celery logs when it kills a process at its time limit: one line, and no traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

from billiard.einfo import ExceptionInfo
from billiard.exceptions import TimeLimitExceeded
from celery.app.task import Task
from celery.worker.request import Request

from executions.tasks import reap
from scheduler_project.celery import app

if TYPE_CHECKING:
    import pytest


def request_of(task: Task[..., Any]) -> Any:
    message = MagicMock(
        payload=([], {}, {}),
        headers={"id": "run.1", "task": task.name, "argsrepr": "", "kwargsrepr": ""},
        properties={},
    )
    return Request(message, app=app, task=task, on_ack=MagicMock(), decoded=True, body=([], {}, {}))


def fail_with(error: Exception) -> None:
    request = request_of(reap)
    try:
        raise error
    except type(error):
        request.on_failure(ExceptionInfo(), send_failed_event=False)


def test_a_kill_at_the_time_limit_is_logged_once_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    fail_with(TimeLimitExceeded(40))
    request_of(reap).on_timeout(soft=False, timeout=40)
    (record,) = caplog.records
    assert record.getMessage() == "Hard time limit (40s) exceeded for executions.reap[run.1]"
    assert not record.exc_info


def test_any_other_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    fail_with(RuntimeError("broken"))
    (record,) = caplog.records
    assert record.exc_info and "broken" in record.getMessage()
