"""What each change of the clocks does to a schedule, as values and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from schedules.clock.cron.expression import Cron, read_cron
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.preview import Fire, Mark, fire_of
from schedules.clock.spec import Kind, ScheduleSpec, label
from schedules.clock.wording import clock_words, day_words, joined, length_words, zone_words
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import Change, changes, zone

MAX_CHANGE_FIRES = 20
_MAX_TIMES = 4
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)
_LONGEST_PAUSE = timedelta(days=8)


class ChangeKind(StrEnum):
    """Whether clocks leave local times out (they go forward) or repeat them (they go back)."""

    GAP = "gap"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class DstChange:
    """One clock change and what it means for one schedule.

    `local_from` and `local_to` (exclusive) are naive ISO 8601: the local times left out or repeated. `fires` are the
    instants moved to the end of a gap or lying in either pass of a fold, 20 at most. `affected` says whether any time
    of the schedule is moved, dropped or repeated.
    """

    kind: ChangeKind
    at: datetime
    local_from: str
    local_to: str
    fires: tuple[Fire, ...]
    affected: bool
    headline: str
    words: str

    @property
    def text(self) -> str:
        """What changes, and what that does to the schedule."""
        return f"{self.headline} {self.words}"


def dst_changes(spec: ScheduleSpec, after: datetime, until: datetime) -> list[DstChange]:
    """Each clock change of the schedule's zone in (after, until] and within its bounds, in order.

    A job without a clock has none, nor has a delay. An `every` needs its anchor.
    """
    if spec.kind in (Kind.NONE, Kind.DELAY):
        return []
    low = after if spec.start_at is None else max(after, spec.start_at)
    high = until if spec.end_at is None else min(until, spec.end_at)
    if spec.specs:
        return _changes_of_several(spec.specs, low, high)
    return [_explain(spec, change) for change in changes(spec.timezone, low, high)]


def _changes_of_several(specs: Sequence[ScheduleSpec], after: datetime, until: datetime) -> list[DstChange]:
    """Each change of each zone once, with what it does to those of the schedules that it touches."""
    found: dict[tuple[datetime, str], list[tuple[str, DstChange]]] = {}
    for spec in specs:
        for change in dst_changes(spec, after, until):
            found.setdefault((change.at, spec.timezone), []).append((label(spec), change))
    return [_joint(found[key]) for key in sorted(found)]


def _joint(each: Sequence[tuple[str, DstChange]]) -> DstChange:
    words = [f"“{name}”: {change.words}" for name, change in each if change.affected]
    fires = {fire.at: fire for _, change in each for fire in change.fires}
    return replace(
        each[0][1],
        fires=tuple(fires[at] for at in sorted(fires)[:MAX_CHANGE_FIRES]),
        affected=bool(words),
        words=" ".join(words) or "No time of this schedule is moved, left out or repeated.",
    )


def _explain(spec: ScheduleSpec, change: Change) -> DstChange:
    size = abs(change.after - change.before)
    if change.is_gap:
        near = occurrences(spec, change.at - _TICK, change.at)
        fires = tuple(fire for fire in (fire_of(spec, at) for at in near) if Mark.GAP in fire.marks)
    else:
        near = occurrences(spec, change.at - size - _TICK, change.at + size - _TICK)
        fires = tuple(fire_of(spec, at) for at in islice(near, MAX_CHANGE_FIRES))
    if spec.cron is None:
        affected, words = bool(fires), _words_without_cron(spec, size, change)
    else:
        cron = read_cron(spec.cron)
        times = _times_within(cron, change)
        affected = bool(times)
        words = _words_for_cron(spec, cron, times, change)
    return DstChange(
        kind=ChangeKind.GAP if change.is_gap else ChangeKind.FOLD,
        at=change.at,
        local_from=change.local_from.isoformat(),
        local_to=change.local_to.isoformat(),
        fires=fires,
        affected=affected,
        headline=_headline(spec, change),
        words=words,
    )


def _headline(spec: ScheduleSpec, change: Change) -> str:
    start, end = change.local_from, change.local_to
    way = "forward"
    if not change.is_gap:
        start, end, way = end, start, "back"
    day = "" if start.date() == end.date() else f" on {day_words(end)}"
    return f"On {day_words(start)} clocks in {spec.timezone} go {way} from {clock_words(start)} to {clock_words(end)}{day}."


def _words_without_cron(spec: ScheduleSpec, size: timedelta, change: Change) -> str:
    if spec.solar is not None:
        return "This schedule follows the sun, whatever clocks show."
    if spec.every is None:
        return "This schedule fires once, at a fixed instant; the change does not move it."
    text = f"This schedule follows elapsed time: it keeps running every {length_words(spec.every)}"
    if size % spec.every == timedelta(0):
        return f"{text}."
    return f"{text}, so its runs then come {length_words(size)} {'later' if change.is_gap else 'earlier'} by the clock."


def _times_within(cron: Cron, change: Change) -> list[datetime]:
    """The first few naive local times of the expression that the change leaves out or repeats."""
    walk = cron.walk()
    times: list[datetime] = []
    local = walk.after(change.local_from - _SECOND)
    while local is not None and local < change.local_to and len(times) <= _MAX_TIMES:
        times.append(local)
        local = walk.after(local)
    return times


def _words_for_cron(spec: ScheduleSpec, cron: Cron, times: list[datetime], change: Change) -> str:
    span = f"{clock_words(change.local_from)} to {clock_words(change.local_to)}"
    if not times:
        subject = "This schedule" if change.is_gap else f"{span} happens twice; this schedule"
        return f"{subject} has no time in it, so {_pause_words(spec, change)}."
    local = change.at.astimezone(zone(spec.timezone))
    if not cron.is_fixed:
        if change.is_gap:
            return f"This schedule follows real time: {span} does not exist that day, and nothing runs for it."
        return f"This schedule follows real time: {span} happens twice, and it runs in both passes."
    verbs = ("does not exist", "comes") if len(times) == 1 else ("do not exist", "come")
    named = _named(times, change)
    if change.is_gap:
        if spec.dst_gap is Gap.SKIP:
            return (
                f"{named} {verbs[0]} that day: this schedule does not run {'then' if len(times) == 1 else 'for them'}."
            )
        runs = "runs" if len(times) == 1 else "runs once"
        return f"{named} {verbs[0]} that day: this schedule {runs} at {clock_words(local)} {zone_words(local)} instead."
    first, second = zone_words((change.at - _SECOND).astimezone(local.tzinfo)), zone_words(local)
    if spec.dst_fold is Fold.BOTH:
        return f"{named} {verbs[1]} twice: this schedule runs both times, in {first} and again in {second}."
    return f"{named} {verbs[1]} twice: this schedule runs only the first time, in {first}."


def _named(times: list[datetime], change: Change) -> str:
    """'02:30' or '02:00, 02:15 and others'; with the date where the change spans more than one."""
    spans_days = change.local_from.date() != (change.local_to - _TICK).date()
    words = [f"{clock_words(time)} on {day_words(time)}" if spans_days else clock_words(time) for time in times]
    return joined([*words[: _MAX_TIMES - 1], "others"] if len(words) > _MAX_TIMES else words)


def _pause_words(spec: ScheduleSpec, change: Change) -> str:
    """How far apart in real time the runs on both sides of the change are, where that is worth saying."""
    before, behind = _last_before(spec, change.at), next_after(spec, change.at - _TICK)
    if before is None or behind is None or behind - before > _LONGEST_PAUSE:
        return "it runs as usual"
    return f"it runs once, {length_words(behind - before)} after the one before"


def _last_before(spec: ScheduleSpec, at: datetime) -> datetime | None:
    """The last occurrence in the eight days before `at`, found by halving: a dense one would name half a million."""
    end = high = at - _TICK
    found = next_after(spec, at - _LONGEST_PAUSE)
    if found is None or found > end:
        return None
    while high - found > _SECOND:
        middle = found + (high - found) / 2
        later = next_after(spec, middle)
        if later is not None and later <= end:
            found = later
        else:
            high = middle
    return max(occurrences(spec, found, high), default=found)
