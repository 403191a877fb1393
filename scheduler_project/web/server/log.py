"""gunicorn's log in the project's format, which `gunicornconfig.py` configures for the main process."""

from __future__ import annotations

import logging
from typing import Any

from gunicorn import glogging

STREAM = "-"  # how gunicorn's settings name the standard streams


class Logger(glogging.Logger):  # type: ignore[misc]  # untyped library
    """Passes gunicorn's lines on to the root logger, unless they go to a file of their own."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log, output in ((self.error_log, cfg.errorlog), (self.access_log, cfg.accesslog)):
            if output == STREAM:
                self._set_handler(log, None, None)  # removes the handler
                log.propagate = True
        # gunicorn's own default would show lines that MAINSPRING_LOG_LEVEL hides.
        self.error_log.setLevel(max(self.loglevel, logging.getLogger().level))
