"""Catch-up policies: they decide which missed occurrences run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta


class CatchUp(StrEnum):
    """Which missed occurrences run."""

    SKIP = "skip"  # none
    FIRST = "first"  # the earliest missed occurrence, once
    LAST = "last"  # the latest missed occurrence, once; none if a later occurrence is on time
    ALL = "all"  # every missed occurrence, oldest first


class Verdict(StrEnum):
    """What happens to one due occurrence."""

    RUN = "run"
    MISSED = "missed"  # too old, beyond the limit, or the policy is `skip`
    COALESCED = "coalesced"  # another occurrence runs in its place


@dataclass(frozen=True, slots=True)
class CatchUpLimits:
    """Limits on catching up.

    An occurrence older than `grace` counts as missed. A missed occurrence never runs if it is older than `max_age`, or
    if it is not among the latest `max_runs` missed occurrences (policy `all` only).
    """

    grace: timedelta
    max_age: timedelta
    max_runs: int


@dataclass(frozen=True, slots=True)
class OtherPasses:
    """Facts about the other passes that handle the same outage.

    `has_more_due`: later due instants are left for the next pass. `n_missed_later` (only for `CatchUp.ALL`): number of
    these later instants that were missed, counted up to `CatchUpLimits.max_runs`. `has_begun`: an earlier pass has
    started a run for this outage.
    """

    has_more_due: bool = False
    n_missed_later: int = 0
    has_begun: bool = False


def decide_catch_up(
    policy: CatchUp, due: Sequence[datetime], now: datetime, limits: CatchUpLimits, others: OtherPasses
) -> list[Verdict]:
    """Return one verdict for each due instant, in the same order.

    `due` holds aware datetimes in ascending order, none later than `now`. An instant no older than `limits.grace` is on
    time and runs. An older instant was missed. It does not run if it is older than `limits.max_age`; otherwise the
    policy decides.
    """
    n_missed = sum(instant < now - limits.grace for instant in due)
    # An instant within the grace runs even if `max_age` is shorter than the grace.
    n_too_old = min(sum(instant < now - limits.max_age for instant in due), n_missed)
    n_on_time = len(due) - n_missed
    n_open = n_missed - n_too_old
    has_later_due = others.has_more_due or n_on_time > 0
    decided = _decide_missed(policy, n_open, has_later_due, limits.max_runs, others) if n_open else []
    return [Verdict.MISSED] * n_too_old + decided + [Verdict.RUN] * n_on_time


def _decide_missed(
    policy: CatchUp, n_missed: int, has_later_due: bool, max_runs: int, others: OtherPasses
) -> list[Verdict]:
    """Return a verdict for each of `n_missed` (at least 1) missed occurrences that are not too old."""
    match policy:
        case CatchUp.SKIP:
            return [Verdict.MISSED] * n_missed
        case CatchUp.FIRST:
            # One run per outage: if `has_begun`, an earlier pass has already started that run.
            earliest = Verdict.COALESCED if others.has_begun else Verdict.RUN
            return [earliest] + [Verdict.COALESCED] * (n_missed - 1)
        case CatchUp.LAST:
            # A later due occurrence, missed or on time, replaces every missed occurrence of this pass.
            latest = Verdict.COALESCED if has_later_due else Verdict.RUN
            return [Verdict.COALESCED] * (n_missed - 1) + [latest]
        case CatchUp.ALL:
            # Only the latest `max_runs` occurrences run, so occurrences of later passes count first.
            n_run = min(max(max_runs - others.n_missed_later, 0), n_missed)
            return [Verdict.MISSED] * (n_missed - n_run) + [Verdict.RUN] * n_run
        case _:
            assert_never(policy)
