"""Proves what a log line contains, and that billiard's lines have the same format as all others."""

from __future__ import annotations

import logging

from billiard.util import get_logger
from structlog.stdlib import ProcessorFormatter


def test_the_line_of_a_refused_request_has_its_path_but_no_request_object() -> None:
    (handler,) = (found for found in logging.getLogger().handlers if isinstance(found.formatter, ProcessorFormatter))
    extra = {"status_code": 404, "request": object()}
    record = logging.getLogger("django.request").makeRecord(
        "django.request", logging.WARNING, __file__, 1, "Not Found: %s", ("/nowhere",), None, extra=extra
    )
    line = handler.format(record)
    assert "Not Found: /nowhere" in line and "404" in line
    assert "object at" not in line


def test_billiard_logs_in_the_same_format_as_all_others() -> None:
    assert any(isinstance(handler.formatter, ProcessorFormatter) for handler in get_logger().handlers)
