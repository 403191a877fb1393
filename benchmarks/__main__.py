"""`make bench`: measures both contenders in turn and prints one table. ARGS="--quick", ARGS="--only herd"."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import redis

from benchmarks import beat_start, lateness
from benchmarks.arena import Arena, arena
from benchmarks.contenders import Contender, Mainspring, StockBeat
from benchmarks.exceptions import CannotMeasure
from benchmarks.facts import describe
from benchmarks.stores import Stores
from benchmarks.table import Column, Figure, Result, render
from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

NAMES = ("start", "herd", "steady", "backlog")
FAILURES = (CannotMeasure, CannotLaunch, OSError, subprocess.SubprocessError, psycopg.Error, redis.RedisError)
LEGEND = "Ratio: how many times better Mainspring is; below 1, django-celery-beat is better."


@dataclass(frozen=True, slots=True)
class Measurement:
    """One thing to measure at one size; `peer` says whether the stock project can do it in reasonable time."""

    name: str
    size: str
    measure: Callable[[Arena], list[Figure]]
    peer: bool = True


def measurements(*, quick: bool) -> list[Measurement]:
    """All of them, in the order of the table."""
    if quick:
        start = partial(beat_start.measure, n_jobs=1_000, n_starts=1, idle_seconds=1.0)
        return [
            Measurement("start", "1,000 jobs", start),
            Measurement("herd", "100 of 100 jobs", partial(lateness.herd, n_due=100, n_jobs=100)),
            Measurement("backlog", "200 runs", partial(lateness.backlog, n_runs=200)),
        ]
    found = []
    for n in (1_000, 10_000, 100_000):
        start = partial(beat_start.measure, n_jobs=n, n_starts=3, idle_seconds=10.0)
        found.append(Measurement("start", f"{n:,} jobs", start))
    for n_due, n, peer in ((1_000, 1_000, True), (1_000, 10_000, True), (10_000, 100_000, False)):
        herd = partial(lateness.herd, n_due=n_due, n_jobs=n)
        found.append(Measurement("herd", f"{n_due:,} of {n:,} jobs", herd, peer))
    for n in (1_000, 10_000):
        steady = partial(lateness.steady, per_second=50, seconds=20, n_jobs=n)
        found.append(Measurement("steady", f"1,000 of {n:,} jobs", steady))
    return [*found, Measurement("backlog", "3,000 runs", partial(lateness.backlog, n_runs=3_000))]


def attempt(stores: Stores, measurement: Measurement, kind: type[Contender]) -> Column:
    """Measure one contender; a failure becomes its text."""
    began = time.monotonic()
    say(f"{measurement.name}, {measurement.size}, {kind.key} ...")
    try:
        with arena(stores, kind) as ring:
            figures = measurement.measure(ring)
    except FAILURES as error:
        say(f"    failed: {error}")
        return f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    for figure in figures:
        say(f"    {figure.measure}: {figure}")
    say(f"    took {time.monotonic() - began:.0f} s")
    return figures


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 1 when a measurement failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, in about a minute")
    parser.add_argument("--only", action="append", choices=NAMES, help="this one alone; may be repeated")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        database_url, broker_url = os.environ["DATABASE_URL"], os.environ["BROKER_URL"]
    except KeyError as missing:
        say(f"{missing.args[0]} is not set. `make bench` starts servers of its own and sets it.")
        return 2
    with Stores(database_url, broker_url) as stores:
        facts = describe(stores)
        results = [
            Result(
                measurement.name,
                measurement.size,
                attempt(stores, measurement, Mainspring),
                attempt(stores, measurement, StockBeat) if measurement.peer else "not run",
            )
            for measurement in measurements(quick=given.quick)
            if not given.only or measurement.name in given.only
        ]
    print(facts, render(results), LEGEND, sep="\n\n")
    return int(any(result.failed for result in results))


def leave(number: int, frame: FrameType | None) -> None:
    """Unwind, so that processes are killed and databases dropped."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
