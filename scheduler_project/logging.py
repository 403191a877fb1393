"""The log format of all processes: structlog on top of the standard library, as text or as JSON lines."""

from __future__ import annotations

import logging.config
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from scheduler_project.env import Environment

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
OWN_PACKAGES = ("access", "executions", "schedules", "scheduler_project", "values")


def without_request(logger: object, name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Remove the request object that Django adds to its log records: the message already contains the path."""
    event.pop("request", None)
    return event


def escaped(logger: object, name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Escape characters that are not printable (controls, line separators, marks for the text direction) in all values.

    Without this, a client could write lines of its own, because events and values contain what it sends. The lines of a
    traceback stay lines, but are indented: a line that does not start with a space is a line of the log.
    """
    for key, value in event.items():
        if key in ("exception", "stack"):
            event[key] = "\n".join(f"  {_printable(line)}".rstrip() for line in str(value).split("\n"))
        else:
            shown = value if isinstance(value, str) else repr(value)
            if not shown.isprintable():
                event[key] = _printable(shown)
    return event


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def logging_from_environment(env: Environment) -> None:
    """Configure the log as MAINSPRING_LOG_LEVEL and MAINSPRING_LOG_JSON say."""
    level = env.choice("MAINSPRING_LOG_LEVEL", "INFO", LEVELS)
    logging_config(level, json=env.flag("MAINSPRING_LOG_JSON", default=False))


def _higher(one: str, other: str) -> str:
    return max(one, other, key=LEVELS.index)


def logging_config(level: str, *, json: bool) -> None:
    """Send the records of structlog and of the standard library to standard error in one format.

    The level DEBUG applies to Mainspring's own loggers; all others stay at INFO. The DEBUG records of libraries contain
    secrets (Django logs the context of a template, and SQL with its parameters) and would flood the log.
    """
    quiet = _higher("WARNING", level)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        without_request,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, escaped, renderer],
                    "foreign_pre_chain": shared,
                },
            },
            "filters": {"plain": {"()": "scheduler_project.log_filters.OneLineErrors"}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["plain"]}},
            "root": {"handlers": ["stderr"], "level": _higher("INFO", level)},
            "loggers": {
                **{name: {"level": level} for name in OWN_PACKAGES},
                # These write a line for each message and each task. Mainspring's own lines also name the run.
                **{name: {"level": quiet} for name in ("celery.worker.strategy", "celery.app.trace")},
                # HTTP clients that commands may use. Below these levels they log URLs with their queries, and urllib3
                # logs the headers of a malformed response: both may contain credentials.
                "urllib3": {"level": _higher("ERROR", level)},
                **{name: {"level": quiet} for name in ("httpx", "httpcore")},
                # Billiard logs here that a process was killed, and passes nothing on to the root logger.
                "multiprocessing": {"level": quiet, "handlers": ["stderr"], "propagate": False},
            },
        }
    )
