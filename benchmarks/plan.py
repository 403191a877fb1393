"""The measurements of a full benchmark, with their sizes and peers, in the order of the table."""

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
from benchmarks.measurement import Case, Measurement
from benchmarks.measures import backlog, http_runs, idle, pickup, requests, start, start_delay, takeover
from benchmarks.smoke import smoke

PARTS = ("a1", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11")


def measurements(*, quick: bool, n_runs: int) -> list[Measurement]:
    """Return all measurements; the API's lists are measured with up to `n_runs` runs."""
    if quick:
        return smoke()
    engine = (*starts(), *pickups(), *steadies(), *herds(), *backlogs(), *http_calls(), *takeovers())
    return [*engine, *api(n_runs), *rest()]


def starts() -> list[Measurement]:
    """A1 and A2: beat's start, memory and idle cost."""
    found = []
    for n in (1_000, 10_000, 100_000, 1_000_000):
        measure = partial(start.measure, n_starts=3, idle_seconds=6.0)
        once = partial(start.measure, n_starts=1, idle_seconds=6.0)
        peers = [Case(StockBeat, measure if n == 1_000 else once, n)] if n < 1_000_000 else []
        # One start only: a second beat would wait until the lock of the killed beat expires.
        peers += [Case(RedBeat, once, n)] if n in (10_000, 100_000) else []
        not_run = {} if peers else {StockBeat.name: "not run: about a minute per start, and 2 GB"}
        ours = Case(Mainspring, measure, n)
        found.append(Measurement("a1", "A1 A2", "start", f"{n:,} jobs", ours, tuple(peers), not_run))
    return found


def pickups() -> list[Measurement]:
    """A3: the time from an edit to its message."""
    found = []
    for n in (1_000, 100_000, 1_000_000):
        peers = [Case(StockBeat, partial(pickup.measure, n_edits=4, settle_seconds=5 + n / 8_000), n)]
        if n == 100_000:
            peers.append(Case(RedBeat, partial(pickup.measure, n_edits=4, settle_seconds=5), n))
        ours = Case(Mainspring, partial(pickup.measure, n_edits=100, settle_seconds=3), n)
        beside = tuple(peers) if n < 1_000_000 else ()
        not_run = {} if beside else {StockBeat.name: "not run: about a minute per edit"}
        found.append(Measurement("a3", "A3", "edits", f"{n:,} jobs", ours, beside, not_run))
    return found


def steadies() -> list[Measurement]:
    """A4: start delays under a steady load."""
    found = []
    for n in (10_000, 100_000, 1_000_000):
        measure = partial(start_delay.steady, per_second=200, seconds=15, edits_per_second=20)
        # After each edit, stock beat reads all rows: with 20 edits a second it would do nothing else.
        seldom = partial(start_delay.steady, per_second=200, seconds=15, edits_per_second=0.2)
        peers = [Case(StockBeat, seldom, n, 3_000, "one edit every 5 s")] if n == 10_000 else []
        peers += [Case(kind, measure, n, 3_000) for kind in (RedBeat, BullMQ) if n == 100_000]
        ours = Case(Mainspring, measure, n, 3_000)
        found.append(Measurement("a4", "A4", "start delay", f"3,000 of {n:,} jobs", ours, tuple(peers)))
    return found


def herds() -> list[Measurement]:
    """A5: start delays when many jobs are due at one instant."""
    found = []
    for n_due, n in ((1_000, 1_000), (1_000, 10_000), (10_000, 10_000), (10_000, 100_000), (10_000, 1_000_000)):
        measure = partial(start_delay.herd, n_due=n_due)
        size = f"{n_due:,} of {n:,} jobs"
        peers = [Case(StockBeat, measure, n, n_due)] if n_due == 1_000 else []
        not_run = {} if peers else {StockBeat.name: "not run: takes more than ten minutes"}
        if n == 100_000:
            peers += [Case(kind, measure, n, n_due) for kind in (RedBeat, BullMQ)]
        ours = Case(Mainspring, measure, n, n_due)
        found.append(Measurement("a5", "A5", "herd", size, ours, tuple(peers), not_run))
    two = Case(Mainspring, partial(start_delay.herd, n_due=10_000, n_beats=2), 1_000_000, 10_000)
    return [*found, Measurement("a5", "A5", "herd", "10,000 of 1,000,000 jobs, two beats", two)]


def backlogs() -> list[Measurement]:
    """A6: runs per second under a backlog."""
    found = []
    for n in (3_000, 20_000, 50_000):
        measure = partial(backlog.measure, n_runs=n)
        two = partial(backlog.measure, n_runs=n, n_workers=2)
        peers = {
            3_000: (
                Case(StockBeat, measure, size="nothing stored"),
                Case(CeleryResults, measure),
                Case(CeleryResultsKept, measure),
                Case(Procrastinate, measure, size="one process"),
                Case(Procrastinate, two, size="two processes"),
                Case(PgBoss, measure),
            ),
            20_000: (Case(GraphileWorker, measure), Case(GraphileWorkerBatched, measure)),
        }
        ours = Case(Mainspring, measure, n, n)
        found.append(Measurement("a6", "A6", "backlog", f"{n:,} runs", ours, peers.get(n, ())))
    alone = Case(Mainspring, partial(backlog.one_run_per_message, n_runs=3_000), 3_000, 3_000)
    return [*found, Measurement("a6", "A6", "backlog", "3,000 runs, one per message", alone)]


def http_calls() -> list[Measurement]:
    """A7: HTTP runs."""
    found = []
    for n, n_workers in ((500, 1), (2_000, 1), (5_000, 1), (5_000, 2)):
        case = Case(MainspringHttp, partial(http_runs.at_once, n_runs=n, n_workers=n_workers), n)
        found.append(Measurement("a7", "A7", "HTTP runs", f"{n:,} runs", case))
    slow = Case(MainspringHttp, partial(http_runs.slow, n_runs=3_000, n_threads=625, seconds=1), 3_000)
    return [*found, Measurement("a7", "A7", "slow HTTP runs", "3,000 runs, 625 threads", slow)]


def takeovers() -> list[Measurement]:
    """A8: the gap after a beat is killed."""
    measure = partial(takeover.measure, n_kills=5, settle_seconds=4)
    size = "1,000,000 jobs, one due every 100 ms"
    return [Measurement("a8", "A8", "take-over", size, Case(Mainspring, measure, 1_000_000), (), TAKEOVER)]


def api(n_runs: int) -> list[Measurement]:
    """A9: the REST API, with a history of up to `n_runs` runs."""
    found = []
    for n_jobs, n in ((10_000, n_runs // 100), (100_000, n_runs // 10), (1_000_000, n_runs)):
        case = Case(
            Mainspring, partial(requests.measure, n_runs=n, n_pages=150, n_creates=400, n_registered=5_000), n_jobs
        )
        found.append(Measurement("a9", "A9", "API", f"{n_jobs:,} jobs, {n:,} runs", case))
    return found


def rest() -> list[Measurement]:
    """A10 and A11: round trips, which a test counts, and the cost of all idle processes."""
    ours = Case(Mainspring, partial(idle.measure, settle_seconds=10, seconds=20), 1_000_000)
    stock = Case(StockBeat, partial(idle.measure, settle_seconds=20, seconds=20), 100_000, size="100,000 jobs")
    return [
        Measurement("a10", "A10", "round trips", "one run", "tested in tests/executions/worker/test_runner.py"),
        Measurement("a11", "A11", "idle", "1,000,000 jobs", ours, (stock,)),
    ]


TAKEOVER = {
    "django-celery-beat": "not possible: with two beats, each fires every job",
    "celery-redbeat": "not run: its lock outlives a killed beat by 25 min (300 s × 5), here by 25 s",
}
