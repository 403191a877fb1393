"""Catch-up policies: which of the occurrences that were missed still run, and why the others do not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta


class CatchUp(StrEnum):
    SKIP = "skip"  # none of them
    FIRST = "first"  # the earliest of them, once
    LAST = "last"  # the latest of them, once
    ALL = "all"  # each of them, oldest first


class Verdict(StrEnum):
    RUN = "run"
    MISSED = "missed"  # too old, too many, or not wanted
    COALESCED = "coalesced"  # another occurrence stands in for it


@dataclass(frozen=True, slots=True)
class Bounds:
    """Older than `grace` has been missed; older than `max_age`, or not among the last `most` missed, it never runs."""

    grace: timedelta
    max_age: timedelta
    most: int


@dataclass(frozen=True, slots=True)
class Rest:
    """What this pass does not see of an outage: whether due instants follow, and how many of them were missed (those
    beyond `most` need not be counted); and whether a pass before it has begun to catch up."""

    more: bool = False
    n_missed: int = 0
    begun: bool = False


@dataclass(frozen=True, slots=True)
class _Missed:
    """How many missed occurrences are young enough (at least one), and whether a later occurrence is due as well."""

    n: int
    later: bool
    most: int
    rest: Rest


def _skip(missed: _Missed) -> list[Verdict]:
    return [Verdict.MISSED] * missed.n


def _first(missed: _Missed) -> list[Verdict]:
    return [Verdict.COALESCED if missed.rest.begun else Verdict.RUN] + [Verdict.COALESCED] * (missed.n - 1)


def _last(missed: _Missed) -> list[Verdict]:
    return [Verdict.COALESCED] * (missed.n - 1) + [Verdict.COALESCED if missed.later else Verdict.RUN]


def _all(missed: _Missed) -> list[Verdict]:
    n_run = min(max(missed.most - missed.rest.n_missed, 0), missed.n)
    return [Verdict.MISSED] * (missed.n - n_run) + [Verdict.RUN] * n_run


# Each returns a verdict for each missed occurrence that is young enough, oldest first.
POLICIES: dict[CatchUp, Callable[[_Missed], list[Verdict]]] = {
    CatchUp.SKIP: _skip,
    CatchUp.FIRST: _first,
    CatchUp.LAST: _last,
    CatchUp.ALL: _all,
}


def judge(policy: CatchUp, due: Sequence[datetime], now: datetime, bounds: Bounds, rest: Rest) -> list[Verdict]:
    """Return a verdict for each due instant, in order.

    `due` ascends and ends at or before `now`. An instant younger than the grace is on time and runs. An older one has
    been missed: past the maximum age it is dropped, else the policy decides.
    """
    n_old = sum(instant < now - bounds.max_age for instant in due)
    n_missed = sum(instant < now - bounds.grace for instant in due)
    n_old = min(n_old, n_missed)
    n_on_time = len(due) - n_missed
    young = n_missed - n_old
    missed = _Missed(young, rest.more or n_on_time > 0, bounds.most, rest)
    verdicts = POLICIES[policy](missed) if young else []
    return [Verdict.MISSED] * n_old + verdicts + [Verdict.RUN] * n_on_time
