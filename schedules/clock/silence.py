"""Schedules that can be known to name no instant at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schedules.clock.cron.expression import read_cron
from schedules.clock.reading.members import instant_text
from schedules.clock.solar import solar_instants
from schedules.clock.spec import ScheduleSpec
from schedules.clock.wording import number_words
from schedules.clock.zones.local_times import Gap, cron_instants
from schedules.clock.zones.zones import LAST_AT

# Where a daylight-saving policy is looked at for "never fires": recent rules, and the same answer on every day.
_REFERENCE_AT = datetime(2025, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def why_silent(spec: ScheduleSpec) -> tuple[str, str] | None:
    """The field to blame and the sentence, for a schedule that fires at no time; None where that cannot be known."""
    start, end = spec.start_at, spec.end_at
    between = ""
    if start is not None and end is not None:
        between = f"has no instant between start_at {instant_text(start)} and end_at {instant_text(end)}."
        if spec.every is not None and spec.anchor_at is not None:
            return ("every", between) if (spec.anchor_at - start) % spec.every > end - start else None
    if spec.solar is not None:
        place = (spec.latitude, spec.longitude)
        after = (start or _REFERENCE_AT) - _TICK
        if next(solar_instants(spec.solar, place, after, end or LAST_AT), None) is None:
            return "solar", between or f"never happens at latitude {number_words(spec.latitude)}."
    if spec.cron is not None and (between or (spec.dst_gap is Gap.SKIP and end is None)):
        policies = (spec.dst_gap, spec.dst_fold)
        after = (start or _REFERENCE_AT) - _TICK
        instants = cron_instants(read_cron(spec.cron), spec.timezone, policies, after, end or LAST_AT)
        if next(instants, None) is None:
            never = "never fires: clocks leave out each of its times, and dst_gap is skip; make it shift."
            return "cron", between or never
    return None
