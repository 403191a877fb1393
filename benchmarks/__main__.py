"""`make bench`: measures Mainspring and its peers and prints one table. Options: ARGS="--quick" or ARGS="--only a5"."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING

from benchmarks.exceptions import CannotMeasure
from benchmarks.machine import describe
from benchmarks.measurement import Case, Measurement
from benchmarks.plan import PARTS, measurements
from benchmarks.stores import Stores
from benchmarks.table import Column, Result, render
from benchmarks.trial import new_trial
from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

EXPECTED_ERRORS = (CannotMeasure, CannotLaunch)
LEGEND = "Ratio: how many times better Mainspring is; below 1, the peer is better."
N_RUNS = 5_000_000  # a week of history of an installation with 30,000 runs an hour


def measure(stores: Stores, measurement: Measurement, case: Case | str) -> Column:
    """Measure one contender; return its figures, or the reason why there are none."""
    if isinstance(case, str):
        return case
    started_at = time.monotonic()
    report(f"{measurement.part} {measurement.name}, {measurement.size}: {case.name} ...")
    try:
        with new_trial(stores, case.kind, case.n_filled) as trial:
            figures = case.measure(trial)
    except Exception as error:  # noqa: BLE001  (the failure of one contender must not end the run of all others)
        report(f"    failed: {error}" if isinstance(error, EXPECTED_ERRORS) else traceback.format_exc())
        return f"failed: {str(error).splitlines()[0].replace('|', '/') if str(error) else type(error).__name__}"
    for figure in figures:
        report(f"    {figure.measure}: {figure}")
    report(f"    took {time.monotonic() - started_at:.0f} s")
    return figures


def result(stores: Stores, measurement: Measurement, *, alone: bool) -> Result:
    """Measure Mainspring and then, unless `alone`, each peer."""
    ours = measure(stores, measurement, measurement.ours)
    peers: dict[str, Column] = {}
    if not alone:
        peers.update({case.name: measure(stores, measurement, case) for case in measurement.peers})
        peers.update(measurement.not_run)
    return Result(measurement.rows, measurement.name, measurement.size, ours, peers)


def report(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements. Return the exit code: 1 if a measurement failed, 2 if a store's URL is not set."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use small sizes; takes under two minutes")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--alone", action="store_true", help="do not measure the peers")
    parser.add_argument(
        "--runs", type=int, default=N_RUNS, help=f"number of finished runs in part a9, default {N_RUNS:,}"
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, exit_on_signal)
    try:
        database_url, broker_url = os.environ["DATABASE_URL"], os.environ["BROKER_URL"]
    except KeyError as missing:
        report(f"{missing.args[0]} is not set. Run `make bench`, which starts the servers and sets it.")
        return 2
    started_at = time.monotonic()
    with Stores(database_url, broker_url) as stores:
        machine = describe(stores)
        planned = measurements(quick=options.quick, n_runs=options.runs)
        chosen = [one for one in planned if not options.only or one.part in options.only]
        results = [result(stores, one, alone=options.alone) for one in chosen]
    report(f"finished in {(time.monotonic() - started_at) / 60:.0f} min")
    print(machine, render(results), LEGEND, sep="\n\n")
    return int(any(one.failed for one in results))


def exit_on_signal(number: int, frame: FrameType | None) -> None:
    """Raise SystemExit, so that the processes are killed and the databases dropped before this process ends."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
