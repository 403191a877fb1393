"""Reads and writes lists of schedules as text, one schedule per line. `schedule.parse` validates the schedules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from schedules.clock.reading.schedule import InvalidLine, parse
from schedules.clock.solar import SolarEvent
from schedules.clock.spec import InvalidSchedule, ScheduleSpec, label, to_json
from values.json_values import InvalidMembers, loads

_EVERY = re.compile(r"every\s+(?P<every>.*?)(?:\s+from\s+(?P<anchor_at>.*))?", re.IGNORECASE)
_NUMBER = r"[+-]?[0-9]{1,3}(?:\.[0-9]{1,17})?"
_SOLAR = re.compile(
    rf"(?P<solar>{'|'.join(SolarEvent)})\s+(?P<latitude>{_NUMBER})[,\s]\s*(?P<longitude>{_NUMBER})", re.IGNORECASE
)
_DATE = re.compile("[0-9]{4}-[0-9]")


def read_lines(text: str) -> list[object]:
    """Return the schedules in a text as unvalidated JSON, one for each line that is not empty.

    A line is a cron expression, `every 15m`, `every 15m from 2027-03-01 09:00`, `sunset 52.5 13.4`, an instant, or a
    schedule in JSON. If the JSON of a line is invalid, `parse` reports the error.
    """
    return [_read_line(line.strip()) for line in text.splitlines() if line.strip()]


def write_lines(specs: Sequence[ScheduleSpec], zone: str, instant_text: Callable[[datetime, str], str]) -> str:
    """Return the lines of text for `specs`; `read_lines` and `parse` read the lines back to equal schedules.

    `zone` is the time zone of the list. `instant_text` formats an instant (aware UTC) as local time in a zone.
    """
    return "\n".join(_write_line(spec, zone, instant_text) for spec in specs)


def _read_line(line: str) -> object:
    if line.startswith("{"):
        try:
            return loads(line)
        except InvalidMembers as invalid:
            return InvalidLine(str(invalid))
        except (ValueError, RecursionError):
            return line  # `parse` then reports that the line is not an object
    if match := _SOLAR.fullmatch(line):
        degrees = {name: float(text) for name, text in match.groupdict().items() if name != "solar"}
        return {"solar": match["solar"].lower(), **degrees}
    if match := _EVERY.fullmatch(line):
        return match.groupdict()
    return {"at" if _DATE.match(line) else "cron": line}


def _write_line(spec: ScheduleSpec, zone: str, instant_text: Callable[[datetime, str], str]) -> str:
    line = label(spec) if spec.at is None else instant_text(spec.at, zone)
    if spec.anchor_at is not None:
        line += f" from {instant_text(spec.anchor_at, zone)}"
    # The short form has no time zone, bounds or clock-change policies: if the schedule has its own, write JSON.
    return line if _reads_back(line, zone, spec) else json.dumps(to_json(spec))


def _reads_back(line: str, zone: str, spec: ScheduleSpec) -> bool:
    read = _read_line(line)
    try:
        return isinstance(read, dict) and parse({"timezone": zone, **read}, min_interval=timedelta(0)) == spec
    except InvalidSchedule:
        return False
