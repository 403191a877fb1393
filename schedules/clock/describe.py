"""Describes a schedule in one English sentence."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from schedules.clock.cron.words import cron_words
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import Kind, ScheduleSpec, cron_of, needs_hash_key
from schedules.clock.wording import clock_words, day_words, length_words, number_words
from schedules.clock.zones.zones import zone

EVENT_WORDS = {
    SolarEvent.DAWN_ASTRONOMICAL: "astronomical dawn",
    SolarEvent.DAWN_NAUTICAL: "nautical dawn",
    SolarEvent.DAWN_CIVIL: "civil dawn",
    SolarEvent.SUNRISE: "sunrise",
    SolarEvent.SOLAR_NOON: "solar noon",
    SolarEvent.SUNSET: "sunset",
    SolarEvent.DUSK_CIVIL: "civil dusk",
    SolarEvent.DUSK_NAUTICAL: "nautical dusk",
    SolarEvent.DUSK_ASTRONOMICAL: "astronomical dusk",
}


def describe(spec: ScheduleSpec) -> str:
    """Return one line such as 'At 02:30 every day (America/New_York)' or 'Every 15 minutes, at most 5 times'.

    The time zone is named only if the description depends on it.
    """
    if spec.specs:
        first, *others = [describe(member) for member in spec.specs]
        others = [words[0].lower() + words[1:] for words in others]
        text, shows_zone = "; ".join([first, *others[:-1], f"and {others[-1]}"]), False
    else:
        text, shows_zone = _kind_words(spec)
    # Readers must not take the bounds of the list for bounds of its last member.
    separator = "; all together" if spec.specs else ","
    for word, bound in (("from", spec.start_at), ("until", spec.end_at)):
        if bound is not None:
            comma = "" if word == "until" and spec.start_at is not None else separator
            text += f"{comma} {word} {_moment_words(bound, spec.timezone)}"
            shows_zone, separator = True, ","
    if spec.max_runs is not None:
        text += f"{separator} at most {'once' if spec.max_runs == 1 else f'{spec.max_runs} times'}"
    return f"{text} ({spec.timezone})" if shows_zone else text


def _kind_words(spec: ScheduleSpec) -> tuple[str, bool]:
    """Describe when a single schedule fires; also return whether the description depends on the time zone."""
    match spec.kind:
        case Kind.CRON:
            cron = cron_of(spec)
            # Seconds and minutes are the same in most zones, because most UTC offsets are whole hours.
            example = ", for example" if needs_hash_key(spec) else ""
            return cron_words(cron) + example, any(part != "*" for part in cron.parts[2:])
        case Kind.EVERY:
            assert spec.every is not None
            length = length_words(spec.every)
            return f"Every {length.removeprefix('1 ') if ' and ' not in length else length}", False
        case Kind.ONCE:
            assert spec.at is not None
            return f"Once, on {_moment_words(spec.at, spec.timezone)}", True
        case Kind.DELAY:
            assert spec.delay is not None
            return f"{length_words(spec.delay)} after the previous run has ended".capitalize(), False
        case Kind.SOLAR:
            assert spec.solar is not None
            return f"At {EVENT_WORDS[spec.solar]}, seen from {_place_words(spec.latitude, spec.longitude)}", False
        case Kind.NONE:
            return "No schedule: starts by hand, through the API or after other jobs", False
        case Kind.SEVERAL:
            raise ValueError("cannot describe a list of schedules here: describe each member")
        case _:
            assert_never(spec.kind)


def _moment_words(at: datetime, timezone: str) -> str:
    local = at.astimezone(zone(timezone))
    return f"{day_words(local)} at {clock_words(local)}"


def _place_words(latitude: float, longitude: float) -> str:
    north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
    return f"{number_words(abs(latitude))}° {north}, {number_words(abs(longitude))}° {east}"
