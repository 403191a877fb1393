"""What no wheel brings (Chromium, RabbitMQ, an older PostgreSQL): used where it is found, and loudly missed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

MARK = "DID NOT RUN"


def did_not_run(suite: str, wants: str) -> NoReturn:
    """Skip the test and say why in the summary; with CI=true, fail it."""
    text = f"{MARK}: {suite}. They want {wants}."
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say once, at the end, which suites did not run."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    for text in sorted({reason[reason.index(MARK) :].rstrip("')") for reason in reasons if MARK in reason}):
        terminalreporter.write_line(f"!!! {text}", yellow=True, bold=True)
