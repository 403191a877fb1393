"""Catch-up policies: which of the occurrences that were missed still run, and why the others do not. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta


class CatchUp(StrEnum):
    SKIP = "skip"  # none of them
    LAST = "last"  # the latest of them, once
    ALL = "all"  # each of them, oldest first


class Verdict(StrEnum):
    RUN = "run"
    MISSED = "missed"  # too old, or not wanted
    COALESCED = "coalesced"  # a later occurrence stands in for it


def _skip(n_missed: int, later: bool) -> list[Verdict]:
    return [Verdict.MISSED] * n_missed


def _last(n_missed: int, later: bool) -> list[Verdict]:
    return [Verdict.COALESCED] * (n_missed - 1) + [Verdict.COALESCED if later else Verdict.RUN]


def _all(n_missed: int, later: bool) -> list[Verdict]:
    return [Verdict.RUN] * n_missed


# Each takes the number of missed occurrences that are young enough (at least one), and whether a later
# occurrence is due as well, and returns a verdict for each, oldest first.
POLICIES: dict[CatchUp, Callable[[int, bool], list[Verdict]]] = {
    CatchUp.SKIP: _skip,
    CatchUp.LAST: _last,
    CatchUp.ALL: _all,
}


def judge(
    policy: CatchUp, due: Sequence[datetime], now: datetime, *, grace: timedelta, max_age: timedelta, more: bool
) -> list[Verdict]:
    """Return a verdict for each due instant, in order.

    `due` ascends and ends at or before `now`. An instant younger than `grace` is on time and runs. An older
    one has been missed: past `max_age` it is dropped, else the policy decides. `more` says that further due
    instants follow which are not in `due`.
    """
    n_old = sum(instant < now - max_age for instant in due)
    n_missed = sum(instant < now - grace for instant in due)
    n_old = min(n_old, n_missed)
    n_on_time = len(due) - n_missed
    young = n_missed - n_old
    verdicts = POLICIES[policy](young, more or n_on_time > 0) if young else []
    return [Verdict.MISSED] * n_old + verdicts + [Verdict.RUN] * n_on_time
