"""gunicorn's log in the project's format: its main process starts before Django configures the log."""

from __future__ import annotations

import logging
import os
from typing import Any

from gunicorn import glogging

from scheduler_project.env import Environment
from scheduler_project.logging import logging_from_environment

STREAM = "-"  # how gunicorn's settings name the standard streams


class Logger(glogging.Logger):  # type: ignore[misc]  # untyped library
    """Passes gunicorn's lines on to the root logger, unless they go to a file of their own."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logging_from_environment(Environment(os.environ))
        for log, output in ((self.error_log, cfg.errorlog), (self.access_log, cfg.accesslog)):
            if output == STREAM:
                self._set_handler(log, None, None)  # removes the handler
                log.propagate = True
        # gunicorn's own default would show lines that MAINSPRING_LOG_LEVEL hides.
        self.error_log.setLevel(max(self.loglevel, logging.getLogger().level))
