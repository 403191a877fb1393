"""Engine settings: one frozen dataclass, read once from the environment by `settings.py`.

Each field is set by `MAINSPRING_<NAME>`; durations are given in seconds there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from django.core.exceptions import ImproperlyConfigured

from scheduler_project.env import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Mapping


SHORTEST_GRACE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an operator may tune. The text of each field is its line in the settings reference."""

    # Clock
    tick_limit: Annotated[int, "jobs that one pass of the clock takes at the most"] = 1000
    max_idle: Annotated[timedelta, "longest sleep of beat between two passes"] = timedelta(seconds=1)
    min_interval: Annotated[timedelta, "shortest interval that an `every` schedule may have"] = timedelta(seconds=1)
    misfire_grace: Annotated[timedelta, "an occurrence found later than this has been missed: catch-up decides"] = (
        timedelta(seconds=5)
    )
    chunk_size: Annotated[int, "occurrences of one job that one pass handles at the most"] = 1000
    fold_after: Annotated[int, "skipped occurrences of one pass kept as single rows; older ones share a row"] = 100
    # Dispatch
    republish_after: Annotated[timedelta, "a published run that nobody claimed is published again; doubles"] = (
        timedelta(seconds=60)
    )
    # Runs
    lease: Annotated[timedelta, "how long a claim holds without a heartbeat"] = timedelta(seconds=30)
    heartbeat: Annotated[timedelta, "how often a worker renews its claims and looks for cancellations"] = timedelta(
        seconds=5
    )
    retention: Annotated[timedelta, "how long the history of a finished run is kept"] = timedelta(days=7)
    log_bytes: Annotated[int, "log kept of one attempt, in bytes"] = 1024 * 1024
    # HTTP target
    http_allow_private_networks: Annotated[bool, "let HTTP targets reach private and loopback addresses"] = False
    http_body_bytes: Annotated[int, "response body kept of one attempt, in bytes"] = 64 * 1024
    retry_after_cap: Annotated[timedelta, "longest delay that a target's Retry-After may ask for"] = timedelta(hours=1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> EngineSettings:
        """Read `MAINSPRING_<NAME>`; raises ImproperlyConfigured naming the variable and what it takes."""
        given: dict[str, Any] = {}
        for knob in fields(cls):
            name = variable(knob.name)
            if text := environment.get(name):
                given[knob.name] = _read(name, text, knob.default)
        knobs = cls(**given)
        if knobs.heartbeat * 2 > knobs.lease:
            raise ImproperlyConfigured(
                f"MAINSPRING_HEARTBEAT ({knobs.heartbeat.total_seconds():g} s) must be at most half of MAINSPRING_LEASE "
                f"({knobs.lease.total_seconds():g} s): else one late heartbeat loses every claim."
            )
        if knobs.misfire_grace < SHORTEST_GRACE:
            raise ImproperlyConfigured(
                f"MAINSPRING_MISFIRE_GRACE is {knobs.misfire_grace.total_seconds():g} s: it must be at least "
                f"{SHORTEST_GRACE.total_seconds():g} s, since beat may wait 1.5 s for a broker that hangs."
            )
        return knobs


def variable(name: str) -> str:
    """Return the environment variable that sets a knob."""
    return f"MAINSPRING_{name.upper()}"


def reference() -> str:
    """Return the knobs as the Markdown table of `docs/reference/settings.md`."""
    rows = ["| Variable | Default | |", "| --- | --- | --- |"]
    about = get_type_hints(EngineSettings, include_extras=True)
    for knob in fields(EngineSettings):
        default = knob.default
        shown = f"{default.total_seconds():g} s" if isinstance(default, timedelta) else str(default).lower()
        rows.append(f"| `{variable(knob.name)}` | {shown} | {about[knob.name].__metadata__[0]} |")
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
        takes = "true or false" if isinstance(default, bool) else "a positive number"
        if isinstance(default, timedelta):
            takes += " of seconds"
        raise ImproperlyConfigured(f"{name} is {text!r}: it takes {takes}.")
    return value
