"""Collects the warnings about a schedule."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from schedules.clock.cron.expression import Cron
from schedules.clock.notes.cron_fields import field_notes, hash_notes
from schedules.clock.notes.sun import solar_notes
from schedules.clock.notes.zone import zone_notes
from schedules.clock.occurrences import next_after
from schedules.clock.spec import Kind, ScheduleSpec, cron_of, label
from schedules.clock.wording import length_words
from schedules.clock.zones.clock_changes import dst_changes
from schedules.clock.zones.local_times import Fold, Gap
from schedules.clock.zones.zones import changes

_YEAR_AHEAD = timedelta(days=366)  # warnings look this far: every yearly clock change


def warnings(spec: ScheduleSpec, now: datetime) -> list[str]:
    """Return sentences about unexpected behaviour of this schedule after `now` (an aware datetime).

    Each interval of the schedule must have its anchor: see `anchored`.
    """
    notes = [f"“{label(member)}”: {note}" for member in spec.specs for note in _notes(member, now)]
    notes = [*zone_notes(spec), *(notes or _notes(spec, now))]
    if spec.kind is not Kind.NONE and next_after(spec, now) is None:
        return [*notes, "This schedule has no occurrence in the future."]
    ended = [member for member in spec.specs if next_after(member, now) is None]
    return [*notes, *(f"“{label(member)}”: It has no occurrence in the future." for member in ended)]


def _notes(spec: ScheduleSpec, now: datetime) -> list[str]:
    match spec.kind:
        case Kind.CRON:
            assert spec.cron is not None
            cron = cron_of(spec)
            return [*hash_notes(spec), *field_notes(cron, spec.cron), *_clock_change_notes(spec, cron, now)]
        case Kind.SOLAR:
            assert spec.solar is not None
            return solar_notes(spec, spec.solar, now)
        case Kind.DELAY:
            assert spec.delay is not None
            after = f"{length_words(spec.delay)} after the previous run has ended"
            return [f"Only the first occurrence is known in advance: each later occurrence is due {after}."]
        case Kind.EVERY | Kind.ONCE | Kind.SEVERAL | Kind.NONE:
            return []
        case _:
            assert_never(spec.kind)


def _clock_change_notes(spec: ScheduleSpec, cron: Cron, now: datetime) -> list[str]:
    until = now + _YEAR_AHEAD
    if next(changes(spec.timezone, now, until), None) is None:
        return []
    notes = []
    if not cron.is_fixed:
        if spec.dst_gap is not Gap.SHIFT or spec.dst_fold is not Fold.FIRST:
            why = "because the hour or minute field starts with *"
            notes.append(
                f"dst_gap and dst_fold have no effect, {why}: the schedule runs at each matching local time that "
                "exists."
            )
        if len(cron.hours) == 24:
            return notes  # it follows elapsed time, so that a clock change neither drops nor repeats anything
    elif len(cron.hours) == 24 and spec.dst_fold is Fold.FIRST:
        notes.append(
            "The hours are listed, so the schedule runs at fixed times of day: it does not run again in the hour that "
            "clocks repeat when they go back. With * as the hour, it also runs in the repeated hour."
        )
    return notes + [change.text for change in dst_changes(spec, now, until) if change.affected]
