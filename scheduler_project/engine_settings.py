"""The engine's settings: a frozen dataclass that `settings.py` creates once from the environment.

The environment variable `MAINSPRING_<NAME>` sets the field `<name>`. Durations are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from django.core.exceptions import ImproperlyConfigured

from scheduler_project.env import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Mapping


MIN_MISFIRE_GRACE = timedelta(seconds=3)  # twice the 1.5 s that beat may wait for a broker that hangs


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings that an operator may change. docs/reference/settings.md shows the text of each field."""

    # Clock
    tick_limit: Annotated[
        int,
        "maximum number of due jobs that a beat handles in one pass; the same maximum applies to follow-ups and to "
        "runs to publish",
    ] = 1000
    max_idle: Annotated[timedelta, "maximum time that a beat sleeps between two passes"] = timedelta(seconds=1)
    min_interval: Annotated[
        timedelta, "shortest interval of an `every` schedule, and shortest delay of a `delay` schedule"
    ] = timedelta(seconds=1)
    misfire_grace: Annotated[
        timedelta, "delay after which an occurrence counts as missed: the catch-up policy then decides whether it runs"
    ] = timedelta(seconds=5)
    chunk_size: Annotated[int, "maximum number of occurrences that a beat handles for one job in one pass"] = 1000
    fold_after: Annotated[
        int,
        "maximum number of skipped occurrences that get a row each; if a beat skips more occurrences of a job at "
        "once, the earlier ones share rows",
    ] = 100
    # Dispatch
    republish_after: Annotated[
        timedelta, "time until a beat publishes an unclaimed run again; doubles each time, up to 10 min"
    ] = timedelta(seconds=60)
    # Runs
    lease: Annotated[timedelta, "how long a claim is valid without a heartbeat"] = timedelta(seconds=30)
    heartbeat: Annotated[timedelta, "interval at which a worker renews its claims and checks for cancellations"] = (
        timedelta(seconds=5)
    )
    retention: Annotated[timedelta, "minimum time for which the history of a finished run is kept"] = timedelta(days=7)
    log_bytes: Annotated[int, "maximum size of the stored log of one attempt, in bytes"] = 1024 * 1024
    # HTTP target
    http_allow_private_networks: Annotated[bool, "allow HTTP targets to call private and loopback addresses"] = False
    http_body_bytes: Annotated[int, "maximum size of the stored response body of one attempt, in bytes"] = 64 * 1024
    retry_after_cap: Annotated[timedelta, "maximum delay that a response's Retry-After header can set"] = timedelta(
        hours=1
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> EngineSettings:
        """Return the settings from the variables `MAINSPRING_<NAME>`, with defaults for variables that are not set.

        Raises ImproperlyConfigured with the name of the wrong variable and the values that the variable accepts.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = variable(field.name)
            if text := environment.get(name):
                values[field.name] = _read(name, text, field.default)
        settings = cls(**values)
        if settings.heartbeat * 2 > settings.lease:
            raise ImproperlyConfigured(
                f"MAINSPRING_HEARTBEAT ({settings.heartbeat.total_seconds():g} s) must be at most half of "
                f"MAINSPRING_LEASE ({settings.lease.total_seconds():g} s): "
                "otherwise one late heartbeat loses all claims."
            )
        if settings.misfire_grace < MIN_MISFIRE_GRACE:
            raise ImproperlyConfigured(
                f"MAINSPRING_MISFIRE_GRACE is {settings.misfire_grace.total_seconds():g} s: it must be at least "
                f"{MIN_MISFIRE_GRACE.total_seconds():g} s, twice the time that a beat may wait for a broker that hangs."
            )
        return settings


def variable(name: str) -> str:
    """Return the name of the environment variable that sets the field `name`."""
    return f"MAINSPRING_{name.upper()}"


def reference() -> str:
    """Return the settings as the Markdown table of `docs/reference/settings.md`."""
    rows = ["| Variable | Default | |", "| --- | --- | --- |"]
    hints = get_type_hints(EngineSettings, include_extras=True)
    for field in fields(EngineSettings):
        default = field.default
        shown = f"{default.total_seconds():g} s" if isinstance(default, timedelta) else str(default).lower()
        rows.append(f"| `{variable(field.name)}` | {shown} | {hints[field.name].__metadata__[0]} |")
    return "\n".join(rows)


def _read(name: str, text: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return BOOLEANS[text.lower()]
        if isinstance(default, timedelta):
            value: object = timedelta(seconds=float(text))
            positive = value > timedelta(0)  # type: ignore[operator]
        else:
            value = int(text)
            positive = value > 0
    except (KeyError, ValueError, OverflowError):
        positive = False
    if not positive:
        expected = "true or false" if isinstance(default, bool) else "a positive whole number"
        if isinstance(default, timedelta):
            expected = "a positive number of seconds"
        raise ImproperlyConfigured(f"{name} is {text!r}: it must be {expected}.")
    return value
