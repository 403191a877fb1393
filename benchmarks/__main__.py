"""`make bench`: measures all contenders in turn and prints one table. ARGS="--quick", ARGS="--only a5"."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING

from benchmarks.arena import arena
from benchmarks.exceptions import CannotMeasure
from benchmarks.facts import describe
from benchmarks.plan import PARTS, measurements
from benchmarks.stores import Stores
from benchmarks.table import Column, Result, render
from benchmarks.turns import Measurement, Turn
from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

FORESEEN = (CannotMeasure, CannotLaunch)
LEGEND = "Ratio: how many times better Mainspring is; below 1, what stands beside it is better."
N_RUNS = 5_000_000


def take(stores: Stores, measurement: Measurement, turn: Turn | str) -> Column:
    """Measure one contender; a failure becomes its text."""
    if isinstance(turn, str):
        return turn
    began = time.monotonic()
    say(f"{measurement.part} {measurement.name}, {measurement.size}: {turn.name} ...")
    try:
        with arena(stores, turn.kind, turn.n_filled) as ring:
            figures = turn.measure(ring)
    except Exception as error:  # noqa: BLE001  (however one fails, the others have their turn)
        say(f"    failed: {error}" if isinstance(error, FORESEEN) else traceback.format_exc())
        return f"failed: {str(error).splitlines()[0].replace('|', '/') if str(error) else type(error).__name__}"
    for figure in figures:
        say(f"    {figure.measure}: {figure}")
    say(f"    took {time.monotonic() - began:.0f} s")
    return figures


def result(stores: Stores, measurement: Measurement, *, alone: bool) -> Result:
    """Ours first, then each peer, unless ours are to be alone."""
    ours = take(stores, measurement, measurement.ours)
    peers: dict[str, Column] = {}
    if not alone:
        peers.update({turn.name: take(stores, measurement, turn) for turn in measurement.peers})
        peers.update(measurement.not_run)
    return Result(measurement.rows, measurement.name, measurement.size, ours, peers)


def say(line: str) -> None:
    """Tell whoever waits how far it is."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns 1 when a measurement failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, in under two minutes")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be repeated")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--runs", type=int, default=N_RUNS, help=f"history behind the lists of a9, default {N_RUNS:,}")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        database_url, broker_url = os.environ["DATABASE_URL"], os.environ["BROKER_URL"]
    except KeyError as missing:
        say(f"{missing.args[0]} is not set. `make bench` starts servers of its own and sets it.")
        return 2
    began = time.monotonic()
    with Stores(database_url, broker_url) as stores:
        facts = describe(stores)
        wanted = measurements(quick=given.quick, n_runs=given.runs)
        chosen = [one for one in wanted if not given.only or one.part in given.only]
        results = [result(stores, one, alone=given.alone) for one in chosen]
    say(f"all in {(time.monotonic() - began) / 60:.0f} min")
    print(facts, render(results), LEGEND, sep="\n\n")
    return int(any(one.failed for one in results))


def leave(number: int, frame: FrameType | None) -> None:
    """Unwind, so that processes are killed and databases dropped."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
