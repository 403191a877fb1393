"""Older versions of the time zone data, for tests: this version, with other rules for some zones."""

from __future__ import annotations

import struct
from functools import cache

from schedules.clock.zones import data
from schedules.models import ZoneData, ZoneDataInForce
from tests.factories import NOW

VANCOUVER, BERLIN, TOKYO = "America/Vancouver", "Europe/Berlin", "Asia/Tokyo"
# As Vancouver was until 2026: an hour earlier in winter than now. A time of day in winter was an hour later.
UNTIL_2026 = "PST8PDT,M3.2.0,M11.1.0"
# Berlin and Tokyo as they might have been: a time of day was an hour earlier.
ONE_HOUR_AHEAD = {BERLIN: "<+02>-2<+03>,M3.5.0,M10.5.0/3", TOKYO: "<+10>-10"}


def tzif(rule: str) -> bytes:
    """Return the compiled data of a zone that has always had this rule, in the form of POSIX."""
    header = struct.pack(">4s1s15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb", 0, 0, 0) + b"UTC\0"
    return header + body + header + body + b"\n" + rule.encode() + b"\n"


def older_rules(**rules: str) -> dict[str, bytes]:
    """Return the rules of all zones: those given for some zones, and this version's for the others."""
    return {**data.own_rules(), **{name: tzif(rule) for name, rule in rules.items()}}


@cache
def packed(rules: tuple[tuple[str, str], ...]) -> bytes:
    return data.pack(older_rules(**dict(rules)))


def know(version: str, **rules: str) -> str:
    """Make a version known to this process, and return it. Each version must have its own name: zones are cached."""
    data.add(version, packed((*rules.items(),)))
    return version


def put_in_force(version: str, **rules: str) -> None:
    """Store a version and put it in force, as a beat with this version does."""
    ZoneData.objects.create(version=version, rules=packed((*rules.items(),)), stored_at=NOW)
    ZoneDataInForce.objects.update_or_create(pk=1, defaults={"version": version, "since_at": NOW, "due_at": None})
