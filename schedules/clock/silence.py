"""Finds schedules that never fire, so that validation can refuse them."""

from __future__ import annotations

from datetime import UTC, datetime

from schedules.clock.cron.rules import BEFORE_CRON_YEARS
from schedules.clock.solar import solar_instants
from schedules.clock.spec import ScheduleSpec, cron_of
from schedules.clock.wording import number_words
from schedules.clock.zones.local_times import Gap, cron_instants
from schedules.clock.zones.zones import LAST_AT
from values.durations import MICROSECOND
from values.iso import iso_text

# Search from a fixed instant, not from today, so that the result for a schedule is the same on every day. 2025 is
# recent enough for the clock-change rules in force now.
_SEARCH_FROM = datetime(2025, 1, 1, tzinfo=UTC)


def why_never_fires(spec: ScheduleSpec) -> tuple[str, str] | None:
    """Return the field and the error sentence for a schedule that never fires; None if it fires, or may fire.

    An `every` without an anchor is not checked, because it gets its anchor only when the schedule is saved. The members
    of a list are checked by separate calls. `start_at` and `end_at` of a list are checked when the list is saved, by
    the search for its first occurrence.
    """
    start, end = spec.start_at, spec.end_at
    between = ""
    if start is not None and end is not None:
        between = (
            f"does not fire between start_at {iso_text(start)} and end_at {iso_text(end)}: "
            "change start_at, end_at or the schedule."
        )
        if spec.every is not None and spec.anchor_at is not None:
            return ("every", between) if (spec.anchor_at - start) % spec.every > end - start else None
    # The schedule may fire at `start_at`, and both searches exclude their start.
    after = (start or _SEARCH_FROM) - MICROSECOND
    if spec.solar is not None:
        place = (spec.latitude, spec.longitude)
        if next(solar_instants(spec.solar, place, after, end or LAST_AT), None) is None:
            never = f"never happens at latitude {number_words(spec.latitude)}: choose another event or place."
            return "solar", between or never
    # `read_cron` has already refused dates that do not exist. Only bounds or skipped gaps can remove every occurrence.
    cron = None if spec.cron is None else cron_of(spec)
    if cron is not None and (between or (end is None and (spec.dst_gap is Gap.SKIP or not cron.is_fixed))):
        if cron.years and not between:
            # All years of the expression may be over, so search all of them. Bounds are checked when the job is saved.
            after = BEFORE_CRON_YEARS
        policies = (spec.dst_gap, spec.dst_fold)
        instants = cron_instants(cron, spec.timezone, policies, after, end or LAST_AT)
        if next(instants, None) is None:
            never = "never fires: clock changes skip each of its local times. "
            never += (
                'Set dst_gap to "shift".' if cron.is_fixed else "Name times without * in the minute and hour fields."
            )
            return "cron", between or never
    return None
