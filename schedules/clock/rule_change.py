"""What a new version of the time zone data does to a schedule: no occurrence is lost, and none happens twice. Pure.

A job's clock follows one version of the time zone data. When it changes to another version, its mark M divides the
occurrences: those up to M were named by the old rules. For each cron expression with fixed times of day, in a zone
whose rules have changed, the local times that the old rules put at or before M have been handled, and all others have
not:

- A later local time that the new rules put before M is *owed*: it is due at once.
- A handled local time that the new rules put after M would happen twice: the schedule is *held* until then.

Any other schedule continues after M: `*/15 * * * *` names instants rather than local times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from schedules.clock.due import due_instants
from schedules.clock.occurrences import occurrences
from schedules.clock.spec import ScheduleSpec, cron_of
from schedules.clock.zones.data import OWN_VERSION, has_zones, is_known, name_in
from schedules.clock.zones.local_times import has_time_between
from schedules.clock.zones.zones import LAST_AT, changes, has_other_rules, offset_periods_from, utc_by_fold
from values.durations import MICROSECOND

Holds = tuple[datetime | None, ...]  # one for each member of a list of schedules, otherwise one


@dataclass(frozen=True, slots=True)
class Clock:
    """How a job's instants are computed: its version of the time zone data, and until when its schedules are held.

    `holds`: for each member of the schedule the instant up to which it does not fire, or None; empty if none is held.
    """

    version: str
    holds: Holds = ()

    def applied_to(self, spec: ScheduleSpec) -> ScheduleSpec:
        """Return the schedule that names the job's instants: `spec` with these holds, by the rules of this version."""
        return in_version(held(spec, self.holds), self.version)


@dataclass(frozen=True, slots=True)
class Changed:
    """A job's clock after a change of its version.

    `clock`: for the instants after the mark. `since`: for the instants after `from_at`, which is the mark, or an
    earlier instant if occurrences are owed. `handled`: the instants later than `from_at` that the old rules have named:
    they have their rows already.
    """

    clock: Clock
    since: Clock
    from_at: datetime
    handled: frozenset[datetime]


@dataclass(frozen=True, slots=True)
class Rules:
    """The schedule by which a job's instants are computed, and from when on.

    `spec` is for calculation only: the names of its zones may contain a version. `version`: its version of the time
    zone data. `from_at`: instants up to it are handled. `changed`: set if the job changes to `version` now.
    """

    spec: ScheduleSpec
    version: str
    from_at: datetime
    changed: Changed | None = None

    def due(self, next_run_at: datetime | None, until: datetime) -> Iterator[datetime]:
        """Yield the instants up to `until` that are not handled, ascending. For `next_run_at` see `due_instants`."""
        found = due_instants(self.spec, self.from_at, next_run_at, until)
        return (at for at in found if at not in self.changed.handled) if self.changed else found

    def next_at(self) -> datetime | None:
        """Return the first instant that is not handled, or None. Not for a delay."""
        return next(self.due(None, LAST_AT), None)


def find_rules(spec: ScheduleSpec, clock: Clock, version: str | None, mark_at: datetime, now: datetime) -> Rules:
    """Return the rules of a job. `spec`: its schedule. `version`: the version in force; None: keep the job's version.

    The job changes to the version in force if that names other local times around `now`. It keeps its own version if
    the version in force does not have one of its zones yet.
    """
    if version is None or not has_zones(version, zones_of(spec)):
        version = clock.version
    if is_changed(spec, clock.version, version, now):
        changed = change(spec, clock, version, mark_at)
        return Rules(changed.since.applied_to(spec), version, changed.from_at, changed)
    return Rules(Clock(version, clock.holds).applied_to(spec), version, mark_at)


def zones_of(spec: ScheduleSpec) -> frozenset[str]:
    """Return the names of the time zones of a schedule and its members."""
    return frozenset(member.timezone for member in _members(spec))


def in_version(spec: ScheduleSpec, version: str) -> ScheduleSpec:
    """Return the schedule with the rules of this version of the time zone data; `spec` if the version is not known.

    The result is for calculation only: the names of its zones may contain the version.
    """
    return _with_names(spec, version) if version != OWN_VERSION and is_known(version) else spec


def held(spec: ScheduleSpec, holds: Holds) -> ScheduleSpec:
    """Return the schedule without the occurrences of each member up to its hold."""
    return _held(spec, holds) if any(holds) and len(holds) == len(_members(spec)) else spec


def is_changed(spec: ScheduleSpec, old: str, new: str, at: datetime) -> bool:
    """Whether a cron expression of the schedule is in a zone whose rules differ around `at` between two versions."""
    if old == new or not (is_known(old) and is_known(new)):
        return False
    return any(has_other_rules(name, old, new, at.year) for name in {m.timezone for m in _members(spec) if m.cron})


def change(spec: ScheduleSpec, clock: Clock, new: str, mark_at: datetime) -> Changed:
    """Return the job's clock under the version `new`. `spec`: its schedule. Instants up to `mark_at` are handled."""
    members = _members(spec)
    holds = clock.holds or (None,) * len(members)
    old_until = [max(mark_at, hold or mark_at) for hold in holds]
    bounds = [_new_bound(member, clock.version, new, until) for member, until in zip(members, old_until, strict=True)]
    from_at = min(mark_at, *bounds)
    later = tuple(bound if bound > mark_at else None for bound in bounds)
    handled = frozenset(occurrences(clock.applied_to(spec), from_at, mark_at))
    return Changed(Clock(new, later if any(later) else ()), Clock(new, tuple(bounds)), from_at, handled)


def _new_bound(spec: ScheduleSpec, old: str, new: str, until: datetime) -> datetime:
    """Return the instant at which the new rules put the last local time that the old rules put at or before `until`."""
    if spec.cron is None or not cron_of(spec).is_fixed or not has_other_rules(spec.timezone, old, new, until.year):
        return until
    period = next(offset_periods_from(name_in(spec.timezone, old), until))
    # In an hour that clocks repeat, all local times of the hour have occurred already.
    local = max((until + period.offset).replace(tzinfo=None), period.seen_until - MICROSECOND)
    new_name = name_in(spec.timezone, new)
    first, second = utc_by_fold(local, new_name)
    if second < first:
        # The new rules skip this local time. An occurrence at the end of the gap stands for all times in the gap: it is
        # owed only if one of these times has not been handled.
        gap = next(changes(new_name, second, first))
        finder = cron_of(spec).new_finder()
        if not has_time_between(finder, local + MICROSECOND, gap.local_to + MICROSECOND):
            return gap.at
    return min(first, second)


def _members(spec: ScheduleSpec) -> tuple[ScheduleSpec, ...]:
    return spec.specs or (spec,)


@lru_cache(maxsize=8192)
def _with_names(spec: ScheduleSpec, version: str) -> ScheduleSpec:
    members = tuple(_with_names(member, version) for member in spec.specs)
    name = name_in(spec.timezone, version) if spec.cron else spec.timezone
    return spec if (members, name) == (spec.specs, spec.timezone) else replace(spec, specs=members, timezone=name)


@lru_cache(maxsize=1024)
def _held(spec: ScheduleSpec, holds: Holds) -> ScheduleSpec:
    members = tuple(
        member if hold is None else replace(member, start_at=max(hold + MICROSECOND, member.start_at or hold))
        for member, hold in zip(_members(spec), holds, strict=True)
    )
    return replace(spec, specs=members) if spec.specs else members[0]
