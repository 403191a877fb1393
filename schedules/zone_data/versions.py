"""Which version of the time zone data is in force. Stores versions, and makes stored ones known to this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.rule_change import zones_of
from schedules.clock.zones import data
from schedules.models import ZoneData, ZoneDataInForce

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from schedules.clock.spec import ScheduleSpec


def load(versions: Iterable[str | None]) -> None:
    """Read the versions that this process does not know yet. No query if it knows all of them."""
    unknown = {version for version in versions if version is not None and not data.is_known(version)}
    if unknown:
        for row in ZoneData.objects.filter(pk__in=unknown):
            data.add(row.version, bytes(row.rules))


def in_force() -> str | None:
    """Return the version in force, and make it known to this process. None: no beat has run yet. One query."""
    version = ZoneDataInForce.objects.values_list("version", flat=True).first()
    load([version])
    return version


def present() -> str:
    """Return the version by which schedules are computed now: the version in force, otherwise that of this process."""
    return _known_or_own(in_force())


def for_new_clocks(schedules: Sequence[ScheduleSpec], now: datetime) -> list[str]:
    """Return the version by which the new clock of each schedule is computed. The caller stores the clocks.

    This is the version in force. If that lacks a zone of the schedule, it is the version of this process, or else the
    newest that has all zones. The version of this process is stored if it is used, because other processes need it.
    """
    version = in_force()
    default = _known_or_own(version)
    found = []
    for zones in map(zones_of, schedules):
        having = (each for each in (default, data.OWN_VERSION) if data.has_zones(each, zones))
        found.append(next(having, None) or data.newest_with(zones) or default)
    if data.OWN_VERSION in found and version != data.OWN_VERSION:
        store_own(now)
    return found


def _known_or_own(version: str | None) -> str:
    return version if version and data.is_known(version) else data.OWN_VERSION


def store_own(now: datetime) -> None:
    """Store the version of this process, unless it is stored."""
    if not ZoneData.objects.filter(pk=data.OWN_VERSION).exists():
        store(data.OWN_VERSION, data.own_packed(), now)


def store(version: str, packed: bytes, now: datetime) -> None:
    """Store the rules of all zones in a version (the result of `data.pack`), unless the version is stored."""
    row = ZoneData(version=version, rules=packed, stored_at=now)
    ZoneData.objects.bulk_create([row], ignore_conflicts=True)
