"""What is measured, at which sizes, and beside whom: the rows of the table in their order."""

from __future__ import annotations

from functools import partial

from benchmarks.contenders.bullmq import BullMQ
from benchmarks.contenders.mainspring import Mainspring, MainspringHttp
from benchmarks.contenders.queues import (
    CeleryResults,
    CeleryResultsKept,
    GraphileWorker,
    GraphileWorkerBatched,
    PgBoss,
    Procrastinate,
)
from benchmarks.contenders.redbeat import RedBeat
from benchmarks.contenders.stock_beat import StockBeat
from benchmarks.measures import backlog, calls, idle, lateness, pickup, requests, start, takeover
from benchmarks.smoke import smoke
from benchmarks.turns import Measurement, Turn

PARTS = ("a1", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11")


def measurements(*, quick: bool, n_runs: int) -> list[Measurement]:
    """All of them; `n_runs` is the size of the history that the API's lists are measured with."""
    if quick:
        return smoke()
    engine = (*starts(), *pickups(), *steadies(), *herds(), *backlogs(), *http_calls(), *takeovers())
    return [*engine, *api(n_runs), *rest()]


def starts() -> list[Measurement]:
    found = []
    for n in (1_000, 10_000, 100_000, 1_000_000):
        measure = partial(start.measure, n_starts=3, idle_seconds=6.0)
        once = partial(start.measure, n_starts=1, idle_seconds=6.0)
        peers = [Turn(StockBeat, measure if n == 1_000 else once, n)] if n < 1_000_000 else []
        # A second start would wait for the lock of the beat that was killed.
        peers += [Turn(RedBeat, once, n)] if n in (10_000, 100_000) else []
        not_run = {} if peers else {StockBeat.name: "not run: about a minute a start, and 2 GB"}
        ours = Turn(Mainspring, measure, n)
        found.append(Measurement("a1", "A1 A2", "start", f"{n:,} jobs", ours, tuple(peers), not_run))
    return found


def pickups() -> list[Measurement]:
    found = []
    for n in (1_000, 100_000, 1_000_000):
        peers = [Turn(StockBeat, partial(pickup.measure, n_edits=4, settle_seconds=5 + n / 8_000), n)]
        if n == 100_000:
            peers.append(Turn(RedBeat, partial(pickup.measure, n_edits=4, settle_seconds=5), n))
        ours = Turn(Mainspring, partial(pickup.measure, n_edits=100, settle_seconds=3), n)
        beside = tuple(peers) if n < 1_000_000 else ()
        not_run = {} if beside else {StockBeat.name: "not run: about a minute an edit"}
        found.append(Measurement("a3", "A3", "edits", f"{n:,} jobs", ours, beside, not_run))
    return found


def steadies() -> list[Measurement]:
    found = []
    for n in (10_000, 100_000, 1_000_000):
        measure = partial(lateness.steady, per_second=200, seconds=15, edits_per_second=20)
        # At 20 edits a second it would do nothing but read all rows again.
        seldom = partial(lateness.steady, per_second=200, seconds=15, edits_per_second=0.2)
        peers = [Turn(StockBeat, seldom, n, 3_000, "an edit each 5 s")] if n == 10_000 else []
        peers += [Turn(kind, measure, n, 3_000) for kind in (RedBeat, BullMQ) if n == 100_000]
        ours = Turn(Mainspring, measure, n, 3_000)
        found.append(Measurement("a4", "A4", "lateness", f"3,000 of {n:,} jobs", ours, tuple(peers)))
    return found


def herds() -> list[Measurement]:
    found = []
    for n_due, n in ((1_000, 1_000), (1_000, 10_000), (10_000, 10_000), (10_000, 100_000), (10_000, 1_000_000)):
        measure = partial(lateness.herd, n_due=n_due)
        size = f"{n_due:,} of {n:,} jobs"
        peers = [Turn(StockBeat, measure, n, n_due)] if n_due == 1_000 else []
        not_run = {} if peers else {StockBeat.name: "not run: ten minutes and more"}
        if n == 100_000:
            peers += [Turn(kind, measure, n, n_due) for kind in (RedBeat, BullMQ)]
        ours = Turn(Mainspring, measure, n, n_due)
        found.append(Measurement("a5", "A5", "herd", size, ours, tuple(peers), not_run))
    two = Turn(Mainspring, partial(lateness.herd, n_due=10_000, n_beats=2), 1_000_000, 10_000)
    return [*found, Measurement("a5", "A5", "herd", "10,000 of 1,000,000 jobs, two beats", two)]


def backlogs() -> list[Measurement]:
    found = []
    for n in (3_000, 20_000, 50_000):
        measure = partial(backlog.measure, n_runs=n)
        two = partial(backlog.measure, n_runs=n, n_workers=2)
        peers = {
            3_000: (
                Turn(StockBeat, measure, size="nothing stored"),
                Turn(CeleryResults, measure),
                Turn(CeleryResultsKept, measure),
                Turn(Procrastinate, measure, size="one process"),
                Turn(Procrastinate, two, size="two processes"),
                Turn(PgBoss, measure),
            ),
            20_000: (Turn(GraphileWorker, measure), Turn(GraphileWorkerBatched, measure)),
        }
        ours = Turn(Mainspring, measure, n, n)
        found.append(Measurement("a6", "A6", "backlog", f"{n:,} runs", ours, peers.get(n, ())))
    alone = Turn(Mainspring, partial(backlog.singly, n_runs=3_000), 3_000, 3_000)
    return [*found, Measurement("a6", "A6", "backlog", "3,000 runs, one a message", alone)]


def http_calls() -> list[Measurement]:
    found = []
    for n, n_workers in ((500, 1), (2_000, 1), (5_000, 1), (5_000, 2)):
        turn = Turn(MainspringHttp, partial(calls.at_once, n_runs=n, n_workers=n_workers), n)
        found.append(Measurement("a7", "A7", "calls", f"{n:,} runs", turn))
    slow = Turn(MainspringHttp, partial(calls.slow, n_runs=3_000, n_threads=500, seconds=1), 3_000)
    return [*found, Measurement("a7", "A7", "slow calls", "3,000 runs, 500 threads", slow)]


def takeovers() -> list[Measurement]:
    measure = partial(takeover.measure, n_kills=5, settle_seconds=4)
    size = "1,000,000 jobs, one due each 100 ms"
    return [Measurement("a8", "A8", "take-over", size, Turn(Mainspring, measure, 1_000_000), (), TAKEOVER)]


def api(n_runs: int) -> list[Measurement]:
    found = []
    for n_jobs, n in ((10_000, n_runs // 100), (100_000, n_runs // 10), (1_000_000, n_runs)):
        turn = Turn(
            Mainspring, partial(requests.measure, n_runs=n, n_pages=150, n_creates=400, n_registered=5_000), n_jobs
        )
        found.append(Measurement("a9", "A9", "API", f"{n_jobs:,} jobs, {n:,} runs", turn))
    return found


def rest() -> list[Measurement]:
    ours = Turn(Mainspring, partial(idle.measure, settle_seconds=10, seconds=20), 1_000_000)
    stock = Turn(StockBeat, partial(idle.measure, settle_seconds=20, seconds=20), 100_000, size="100,000 jobs")
    return [
        Measurement("a10", "A10", "round trips", "one run", "counted by tests/executions/worker/test_runner.py"),
        Measurement("a11", "A11", "idle", "1,000,000 jobs", ours, (stock,)),
    ]


TAKEOVER = {
    "django-celery-beat": "not possible: each of two beats fires everything",
    "celery-redbeat": "not run: its lock outlives a killed beat by 25 min (300 s × 5), here by 25 s",
}
