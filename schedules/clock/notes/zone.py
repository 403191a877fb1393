"""Notes on time zones whose clocks never change, although their names lead people to expect it."""

from __future__ import annotations

import re

from schedules.clock.spec import Kind, ScheduleSpec

# Abbreviations that are also names of IANA time zones: the offset, and what to write instead.
_FIXED = {
    "EST": ("UTC\u22125", 'In New York, clocks change: use "America/New_York" to follow them.'),
    "MST": ("UTC\u22127", 'In Denver, clocks change: use "America/Denver" to follow them.'),
    "HST": ("UTC\u221210", 'Use "Pacific/Honolulu", which says where this time applies.'),
}
_ETC = re.compile("(?:Etc/)?GMT(?P<sign>[+-])(?P<hours>[1-9][0-9]?)")


def zone_notes(spec: ScheduleSpec) -> list[str]:
    """Return a note for each time zone of local times in a schedule that never changes its clocks."""
    members = [each for each in spec.specs or (spec,) if each.kind in (Kind.CRON, Kind.ONCE)]
    return [note for name in dict.fromkeys(each.timezone for each in members) if (note := _note(name))]


def _note(name: str) -> str:
    if name in _FIXED:
        offset, instead = _FIXED[name]
        return f"The time zone {name} is always {offset}: its clocks never change. {instead}"
    if match := _ETC.fullmatch(name):
        is_west = match["sign"] == "+"
        place, sign = ("west", "\u2212") if is_west else ("east", "+")
        return (
            f"The time zone {name} is {place} of Greenwich, always UTC{sign}{match['hours']}: in the names Etc/GMT the "
            "sign is inverted, and clocks never change. Use the name of a place to follow its clocks."
        )
    return ""
