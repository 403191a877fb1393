"""`--quick`: runs each measurement once with small sizes. The figures only show that the benchmark works."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders.mainspring import Mainspring, MainspringHttp
from benchmarks.contenders.stock_beat import StockBeat
from benchmarks.measurement import Case, Measurement
from benchmarks.measures import backlog, http_runs, idle, pickup, requests, start, start_delay, takeover

if TYPE_CHECKING:
    from benchmarks.contenders.base import Contender
    from benchmarks.measurement import Measure


def smoke() -> list[Measurement]:
    """Return the measurements: Mainspring, and stock django-celery-beat where that is quick. Installs no peers."""

    def both(part: str, measure: Measure, n: int, n_due: int, size: str) -> Measurement:
        beside = (Case(StockBeat, measure, n, n_due),)
        return Measurement(part, part.upper(), part, size, Case(Mainspring, measure, n, n_due), beside)

    def alone(part: str, measure: Measure, n: int, kind: type[Contender] = Mainspring) -> Measurement:
        return Measurement(part, part.upper(), part, f"{n:,} jobs", Case(kind, measure, n))

    return [
        both("a1", partial(start.measure, n_starts=1, idle_seconds=1.0), 1_000, 0, "1,000 jobs"),
        alone("a3", partial(pickup.measure, n_edits=10, settle_seconds=2), 1_000),
        alone("a4", partial(start_delay.steady, per_second=50, seconds=3, edits_per_second=10), 1_000),
        both("a5", partial(start_delay.herd, n_due=100), 1_000, 100, "100 of 1,000 jobs"),
        both("a6", partial(backlog.measure, n_runs=300), 300, 300, "300 runs"),
        Measurement(
            "a6",
            "A6",
            "a6",
            "200 runs, one per message",
            Case(Mainspring, partial(backlog.one_run_per_message, n_runs=200), 200),
        ),
        alone("a7", partial(http_runs.at_once, n_runs=200, n_workers=1), 200, MainspringHttp),
        alone("a7", partial(http_runs.slow, n_runs=100, n_threads=50, seconds=1), 100, MainspringHttp),
        alone("a8", partial(takeover.measure, n_kills=1, settle_seconds=2), 1_000),
        alone("a9", partial(requests.measure, n_runs=5_000, n_pages=20, n_creates=40, n_registered=40), 1_000),
        alone("a11", partial(idle.measure, settle_seconds=2, seconds=3), 1_000),
    ]
