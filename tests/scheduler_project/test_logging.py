"""Proves what a log line contains, that no text can add a line, and that all libraries log in the same format."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog
from billiard.util import get_logger
from structlog.stdlib import ProcessorFormatter

from scheduler_project.logging import logging_config

if TYPE_CHECKING:
    from collections.abc import Iterator

FALSE_LINE = "a\n2026-12-01T09:40:00Z [warning  ] sign_in_failed [access.admin.sign_in] address=6.6.6.6"
UNPRINTABLE = ["\n", "\r", "\x1b[2J", "\x85", "\x9b31m", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\0", "\x7f"]


@pytest.fixture(params=[False, True], ids=["text", "JSON"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The text of the log, in the format of the real configuration."""
    loggers = [logging.getLogger(name) for name in ("", "gunicorn.error", "multiprocessing")]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    # The settings have configured structlog. A second list of processors would hide later lines from `capture_logs`.
    monkeypatch.setattr("scheduler_project.logging.structlog.configure", lambda **_: None)
    logging_config("INFO", json=request.param)
    text = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, ProcessorFormatter) and isinstance(handler, logging.StreamHandler):
            handler.setStream(text)
    yield text
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


@pytest.mark.parametrize("odd", [*UNPRINTABLE, FALSE_LINE], ids=ascii)
def test_no_text_in_a_log_line_can_add_a_line_or_control_a_terminal(written: io.StringIO, odd: str) -> None:
    structlog.get_logger("access").warning(f"event{odd}", name=f"n{odd}", names=[odd], thing=Odd(odd))
    logging.getLogger("django.security").warning("Refused: %s", odd, extra={"path": odd})
    logging.getLogger("gunicorn.error").warning("Error handling request %s", odd)
    lines = written.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


def test_an_error_whose_message_has_lines_adds_no_line_of_the_log(written: io.StringIO) -> None:
    try:
        raise ValueError(f"{FALSE_LINE}\x1b")  # noqa: TRY301 - for its traceback
    except ValueError:
        logging.getLogger("django.request").exception("Failed")
    first, *others = written.getvalue().splitlines()
    assert "Failed" in first
    text = json.loads(first)["exception"] if first.startswith("{") else "\n".join(others)
    assert text.startswith("  Traceback (most recent call last)")
    assert "  2026-12-01T09:40:00Z [warning  ] sign_in_failed [access.admin.sign_in] address=6.6.6.6\\x1b" in text
    assert all(line.startswith("  ") and line.isprintable() for line in others)


class Odd:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Odd: {self.text}>"


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
