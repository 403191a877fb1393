"""The traceback of an expected error is replaced by one line; every other traceback is kept.

What a client sends is never logged as an error.
"""

from __future__ import annotations

import logging
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import pytest
import redis.exceptions
from billiard.exceptions import WorkerLostError
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from kombu.exceptions import OperationalError

from scheduler_project.log_filters import OneLineErrors

if TYPE_CHECKING:
    from tests.staff import StaffClient


def filtered(name: str, error: BaseException | None) -> logging.LogRecord:
    """Return the record of a logger, with an error, after the filter; no record is dropped."""
    exc_info = None
    if error is not None:
        try:
            raise error
        except type(error):
            exc_info = sys.exc_info()
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, "Cannot reach %s", ("the broker",), exc_info)
    assert OneLineErrors().filter(record) is True
    return record


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("refused\nagain"),
        TimeoutError("refused again"),
        OperationalError("refused again"),
        amqp.exceptions.ConnectionForced("refused again"),
        redis.exceptions.ConnectionError("refused again"),
        redis.exceptions.TimeoutError("refused again"),
    ],
    ids=lambda error: type(error).__module__ + "." + type(error).__name__,
)
@pytest.mark.parametrize("logger", ["celery.worker.consumer", "kombu.connection"])
def test_an_error_of_the_broker_is_one_line_after_the_message(logger: str, error: Exception) -> None:
    record = filtered(logger, error)
    assert record.exc_info is None
    text = record.getMessage()
    assert text.startswith("Cannot reach the broker: ")
    assert "refused again" in text
    assert "\n" not in text


def test_a_percent_sign_in_an_error_of_the_broker_does_not_break_the_line() -> None:
    assert filtered("celery.beat", OSError("100%d full")).getMessage() == "Cannot reach the broker: 100%d full"


def test_a_killed_process_is_one_line() -> None:
    error = WorkerLostError("Worker exited prematurely: signal 9 (SIGKILL) Job: 0.")
    record = filtered("celery.worker.request", error)
    record.msg, record.args = "Task handler raised error: %r", (error,)
    assert OneLineErrors().filter(record) is True
    assert record.getMessage() == "Worker exited prematurely: signal 9 (SIGKILL) Job: 0."
    assert record.exc_info is None


@pytest.mark.parametrize("error", [PermissionDenied("no"), SuspiciousOperation("no"), BadRequest("no")], ids=repr)
def test_a_refused_request_keeps_its_message_and_loses_its_traceback(error: Exception) -> None:
    record = filtered("django.request", error)
    assert (record.exc_info, record.getMessage()) == (None, "Cannot reach the broker")
    assert (record.levelno, record.levelname) == (logging.WARNING, "WARNING")


def test_a_refused_request_is_not_written_if_its_logger_writes_only_errors(caplog: pytest.LogCaptureFixture) -> None:
    record = filtered("django.request", None)
    record.exc_info = (SuspiciousOperation, SuspiciousOperation("no"), None)
    caplog.set_level(logging.ERROR, "django.request")
    assert OneLineErrors().filter(record) is False


REFUSED: dict[str, dict[str, Any]] = {
    "a wrong Host": {"path": "/admin/login/", "HTTP_HOST": "evil.example"},
    "too many fields": {"method": "POST", "data": {f"f{n}": "" for n in range(1001)}},
    "too many files": {"method": "POST", "data": {f"f{n}": BytesIO(b"x") for n in range(101)}},
    "a forbidden lookup": {"path": "/admin/schedules/job/?spec__scope__name=1"},
    "a forbidden field": {"path": "/admin/schedules/job/?_to_field=payload"},
    "a NUL in the URL": {"path": "/admin/schedules/job/?q=%00"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_request_of_a_client_that_is_refused_is_logged_as_an_error(
    admin: StaffClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    given = {"method": "GET", "path": "/admin/login/", "data": {}, **REFUSED[name]}
    method, path, data = given.pop("method"), given.pop("path"), given.pop("data")
    caplog.handler.addFilter(OneLineErrors())
    admin.raise_request_exception = False
    assert getattr(admin, method.lower())(path, data, **given).status_code == 400
    levels = [record.levelname for record in caplog.records]
    assert levels and set(levels) == {"WARNING"}


@pytest.mark.parametrize(
    ("logger", "error"),
    [
        pytest.param("celery.worker", ValueError("a bug"), id="a bug in Celery"),
        pytest.param("schedules.beat", OSError("disk full"), id="an OSError elsewhere"),
        pytest.param("celeryish.worker", OSError("disk full"), id="a name that only starts like Celery's"),
        pytest.param("django.request", OSError("disk full"), id="an OSError in a request"),
        pytest.param("celery.worker", PermissionDenied("no"), id="a refusal outside a request"),
    ],
)
def test_every_other_traceback_is_kept(logger: str, error: Exception) -> None:
    record = filtered(logger, error)
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert record.getMessage() == "Cannot reach the broker"


def test_a_record_without_an_error_is_left_unchanged() -> None:
    assert filtered("celery.worker", None).getMessage() == "Cannot reach the broker"
