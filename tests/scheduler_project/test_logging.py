"""Proves that a log line contains no objects that Django adds to its records."""

from __future__ import annotations

import logging

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
