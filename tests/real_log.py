"""The text of a process's log, in the format and with the levels of the real configuration."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from structlog.stdlib import ProcessorFormatter

from scheduler_project.logging import OWN_PACKAGES, logging_config

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def real_log(level: str) -> Iterator[io.StringIO]:
    """Log as a process with `MAINSPRING_LOG_LEVEL=<level>` does, into the text that is returned."""
    root = logging.getLogger()
    before = root.handlers[:]
    levels = {name: logging.getLogger(name).level for name in ("root", *OWN_PACKAGES)}
    with pytest.MonkeyPatch.context() as patch:
        # The settings have configured structlog. A second list of processors would hide lines from `capture_logs`.
        patch.setattr("scheduler_project.logging.structlog.configure", lambda **_: None)
        logging_config(level, json=True)
    (handler,) = (found for found in root.handlers if isinstance(found.formatter, ProcessorFormatter))
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers[:] = before
        for name, earlier in levels.items():
            logging.getLogger(name).setLevel(earlier)
