"""After the end of a backfill's run: lets the backfill open more runs, if few of its runs are still live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.backfills import backfill, queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from schedules.passes.ended_runs import EndedRun


def open_more_of_backfills(ended: Sequence[EndedRun], now: datetime) -> int:
    """For each backfill with a run in `ended`, make the next step due now. The step opens more runs.

    A backfill is left out if it has ended, has a pace, or has more than `REFILL_AT` live runs. Returns 0, because this
    function itself opens no run.
    """
    backfill_ids = {each.run.backfill_id for each in ended if each.run.backfill_id}
    if backfill_ids:
        queries.wake_backfills(backfill_ids, now, backfill.REFILL_AT)
    return 0
