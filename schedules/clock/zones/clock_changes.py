"""Finds the effect of each clock change on a schedule, as values and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import islice

from schedules.clock.cron.expression import Cron
from schedules.clock.occurrences import next_after, occurrences
from schedules.clock.preview import Fire, Mark, fire_of
from schedules.clock.spec import UNPREDICTABLE_KINDS, ScheduleSpec, cron_of, label
from schedules.clock.wording import clock_words, day_words, joined, length_words
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import Change, changes, utc_by_fold, zone
from values.durations import MICROSECOND
from values.zones import zone_abbreviation

CLOCK_CHANGE_SPAN = timedelta(days=366)  # a year, which contains both clock changes
MAX_CHANGE_FIRES = 20  # for one clock change; a schedule that fires each second has thousands in a repeated hour
_MAX_LISTED_TIMES = 4  # more times are hard to read in a sentence
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
# The words name the time between the last run before a clock change and the first run after it, up to this length. It
# covers weekly schedules; for less frequent schedules, one hour more or less does not matter.
_MAX_NAMED_DISTANCE = timedelta(days=8)


class ChangeKind(StrEnum):
    """The kind of a clock change.

    `gap`: clocks go forward, and skip local times. `fold`: clocks go back, and repeat local times.
    """

    GAP = "gap"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class DstChange:
    """One clock change, and its effect on one schedule.

    `at` is aware UTC. `local_from` and `local_to` (exclusive) bound the local times that are skipped or repeated, as
    naive ISO 8601. `fires`: for a gap, the occurrence that is moved to the end of the gap, if any; for a fold, the
    occurrences at repeated local times, at most `MAX_CHANGE_FIRES`. `affected`: whether the change skips or repeats a
    local time of the schedule. `headline` names the clock change; `words` describes its effect.
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
        """`headline` and `words`, as one text."""
        return f"{self.headline} {self.words}"


def dst_changes(spec: ScheduleSpec, after: datetime, until: datetime) -> list[DstChange]:
    """Return the clock changes of the schedule's zone in (after, until] within the schedule's bounds, ascending.

    For a list of schedules, return the clock changes of its members' zones. For the kinds `none` and `delay`, return
    an empty list. Raises ValueError for an `every` without an anchor.
    """
    if spec.kind in UNPREDICTABLE_KINDS:
        return []
    low = after if spec.start_at is None else max(after, spec.start_at)
    high = until if spec.end_at is None else min(until, spec.end_at)
    if spec.specs:
        return _changes_of_several(spec.specs, low, high)
    return [_explain(spec, change) for change in changes(spec.timezone, low, high)]


def _changes_of_several(specs: Sequence[ScheduleSpec], after: datetime, until: datetime) -> list[DstChange]:
    """Return each clock change of a zone in `specs` once, with its effects on all schedules in this zone."""
    by_change: dict[tuple[datetime, str], list[tuple[str, DstChange]]] = {}
    for spec in specs:
        for change in dst_changes(spec, after, until):
            by_change.setdefault((change.at, spec.timezone), []).append((label(spec), change))
    return [_merge(by_change[key]) for key in sorted(by_change)]


def _merge(same_change: Sequence[tuple[str, DstChange]]) -> DstChange:
    """Merge the effects of one clock change on several schedules.

    `same_change`: pairs of a schedule's label and the effect on this schedule.
    """
    words = [f"“{name}”: {change.words}" for name, change in same_change if change.affected]
    # Several members may fire at the same instant: count it once.
    fires = {fire.at: fire for _, change in same_change for fire in change.fires}
    return replace(
        same_change[0][1],
        fires=tuple(fires[at] for at in sorted(fires)[:MAX_CHANGE_FIRES]),
        affected=bool(words),
        words=" ".join(words) or "No time of this schedule is moved, skipped or repeated.",
    )


def _explain(spec: ScheduleSpec, change: Change) -> DstChange:
    """Return the effect of a clock change on a single schedule."""
    size = abs(change.after - change.before)
    if change.is_gap:
        near = occurrences(spec, change.at - MICROSECOND, change.at)
        fires = tuple(fire for fire in (fire_of(spec, at) for at in near) if Mark.GAP in fire.marks)
    else:
        near = occurrences(spec, change.at - size - MICROSECOND, change.at + size - MICROSECOND)
        fires = tuple(fire_of(spec, at) for at in islice(near, MAX_CHANGE_FIRES))
    if spec.cron is None:
        affected, words = bool(fires), _words_without_cron(spec, size, change)
    else:
        cron = cron_of(spec)
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
    times = f"from {clock_words(start)} to {clock_words(end)}{day}"
    return f"On {day_words(start)} clocks in {spec.timezone} go {way} {times}."


def _words_without_cron(spec: ScheduleSpec, size: timedelta, change: Change) -> str:
    if spec.solar is not None:
        return "This schedule follows the sun: the clock change does not move it."
    if spec.every is None:
        return "This schedule fires once, at a fixed time in UTC: the clock change does not move it."
    text = f"This schedule follows elapsed time: it keeps running every {length_words(spec.every)}"
    # If the interval divides the length of the clock change, the schedule keeps its local times.
    if size % spec.every == timedelta(0):
        return f"{text}."
    return (
        f"{text}, so from then on it runs {length_words(size)} {'later' if change.is_gap else 'earlier'} in local time."
    )


def _times_within(cron: Cron, change: Change) -> list[datetime]:
    """Return the expression's local times (naive) that the change skips or repeats, up to `_MAX_LISTED_TIMES` + 1."""
    finder = cron.new_finder()
    times: list[datetime] = []
    local = finder.after(change.local_from - _SECOND)
    while local is not None and local < change.local_to and len(times) <= _MAX_LISTED_TIMES:
        times.append(local)
        local = finder.after(local)
    return times


def _words_for_cron(spec: ScheduleSpec, cron: Cron, times: list[datetime], change: Change) -> str:
    span = f"{clock_words(change.local_from)} to {clock_words(change.local_to)}"
    if not times:
        verb = "skip" if change.is_gap else "repeat"
        return f"Clocks {verb} {span}. This schedule has no time in that span: {_distance_words(spec, change)}."
    local = change.at.astimezone(zone(spec.timezone))
    if not cron.is_fixed:
        if change.is_gap:
            effect = "has no run then" if len(cron.hours) == 24 else _what_is_left(spec, change)
            return f"{span} does not exist that day, so this schedule {effect}."
        return f"{span} occurs twice, and this schedule runs both times."
    verbs = ("does not exist", "occurs") if len(times) == 1 else ("do not exist", "occur")
    listed = _listed(times, change)
    if change.is_gap:
        if spec.dst_gap is Gap.SKIP:
            return f"{listed} {verbs[0]} that day: this schedule {_what_is_left(spec, change, len(times))}."
        runs = "runs" if len(times) == 1 else "runs once"
        at = f"{clock_words(local)} {zone_abbreviation(local)}"
        return f"{listed} {verbs[0]} that day: this schedule {runs} at {at} instead."
    first, second = zone_abbreviation((change.at - _SECOND).astimezone(local.tzinfo)), zone_abbreviation(local)
    if spec.dst_fold is Fold.BOTH:
        return f"{listed} {verbs[1]} twice: this schedule runs both times, in {first} and again in {second}."
    return f"{listed} {verbs[1]} twice: this schedule runs only the first time, in {first}."


def _what_is_left(spec: ScheduleSpec, change: Change, n_times: int = 0) -> str:
    """Return what a schedule does on a day whose local times are skipped: 'does not run on that day'.

    `n_times`: the number of its times that are skipped, or 0 if that is not counted.
    """
    # Search from midnight to midnight: an expression that fires each second has 86,400 occurrences in a day, but the
    # first one decides.
    midnight = datetime.combine(change.local_from.date(), time())
    start, end = (min(utc_by_fold(at, spec.timezone)) for at in (midnight, midnight + _DAY))
    if next(occurrences(spec, start - MICROSECOND, end - MICROSECOND), None) is None:
        return "does not run on that day"
    if not n_times:
        return "has no run then; it runs at its other times of that day"
    return f"does not run at {'that time' if n_times == 1 else 'those times'}, only at its other times of that day"


def _listed(times: list[datetime], change: Change) -> str:
    """Return the times in words, such as '02:30' or '02:00, 02:10, 02:20 and others'.

    If the change skips or repeats times of more than one day, add each time's date.
    """
    spans_days = change.local_from.date() != (change.local_to - MICROSECOND).date()
    words = [f"{clock_words(time)} on {day_words(time)}" if spans_days else clock_words(time) for time in times]
    return joined([*words[: _MAX_LISTED_TIMES - 1], "others"] if len(words) > _MAX_LISTED_TIMES else words)


def _distance_words(spec: ScheduleSpec, change: Change) -> str:
    """Return a clause that names the time from the last run before the change to the first run after the change.

    If one of these two runs does not exist, or if the time is longer than eight days, return `it runs as usual`.
    """
    before, behind = _last_before(spec, change.at), next_after(spec, change.at - MICROSECOND)
    if before is None or behind is None or behind - before > _MAX_NAMED_DISTANCE:
        return "it runs as usual"
    return f"its first run after the change starts {length_words(behind - before)} after its previous run"


def _last_before(spec: ScheduleSpec, at: datetime) -> datetime | None:
    """Return the last occurrence in the eight days before `at`; None if there is none."""
    # Bisect: a schedule that fires each second has 700,000 occurrences in eight days.
    end = high = at - MICROSECOND
    found = next_after(spec, at - _MAX_NAMED_DISTANCE)
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
