"""Which version of the time zone data is in force. Makes stored versions known to this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schedules.clock.zones import data
from schedules.models import ZoneData, ZoneDataInForce

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    version = in_force()
    return version if version and data.is_known(version) else data.OWN_VERSION
