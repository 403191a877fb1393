"""The time zone data: this process's own version, which is the package `tzdata`, and other versions that jobs use.

A version is a name of the IANA, such as `2026f`, with the compiled rules (TZif) of each zone. Other versions come from
the database: `add` makes them known to this process.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Iterable
from functools import lru_cache
from importlib import resources
from pathlib import Path

import tzdata

OWN_VERSION: str = tzdata.IANA_VERSION
_SEPARATOR = "@"  # no name of a zone contains it

_others: dict[str, dict[str, bytes]] = {}


def pack(rules: dict[str, bytes]) -> bytes:
    """Return the rules of all zones as one value: about 110 kB."""
    texts = {name: base64.b64encode(rules[name]).decode() for name in sorted(rules)}
    return zlib.compress(json.dumps(texts).encode())


def add(version: str, packed: bytes) -> None:
    """Make a version known to this process. `packed`: the result of `pack`."""
    texts = json.loads(zlib.decompress(packed))
    _others[version] = {name: base64.b64decode(text) for name, text in texts.items()}


def is_known(version: str) -> bool:
    """Whether this process can calculate with the rules of this version."""
    return version == OWN_VERSION or version in _others


def n_known() -> int:
    """Return how many versions are known to this process: results that depend on them are valid for this number."""
    return 1 + len(_others)


def has_zones(version: str, names: Iterable[str]) -> bool:
    """Whether this version is known, and has all these zones."""
    rules = own_rules() if version == OWN_VERSION else _others.get(version)
    return rules is not None and rules.keys() >= set(names)


def newest_with(names: Collection[str]) -> str | None:
    """Return the newest known version that has all these zones; None if there is none."""
    return max((version for version in (OWN_VERSION, *_others) if has_zones(version, names)), default=None)


@lru_cache(maxsize=1)
def own_rules() -> dict[str, bytes]:
    """Return the rules of all zones in the package `tzdata`, by name."""
    names = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    zones = resources.files("tzdata.zoneinfo")
    return {name: zones.joinpath(name).read_bytes() for name in names}


@lru_cache(maxsize=1)
def own_packed() -> bytes:
    """Return the rules of all zones in the package `tzdata` as one value."""
    return pack(own_rules())


def rules_in(folders: Iterable[str]) -> dict[str, bytes]:
    """Return the rules that Python finds for each zone if it searches these folders first, as it does by default."""
    found = dict(own_rules())
    for folder in reversed(list(folders)):
        for name in found:
            path = Path(folder, name)
            if path.is_file():
                found[name] = path.read_bytes()
    return found


def name_in(name: str, version: str) -> str:
    """Return the name under which `zones.zone` finds a zone as it is in this version.

    This is the zone's own name if its rules are the same as in the own version, or if the version is not known or does
    not have the zone.
    """
    if version == OWN_VERSION or version not in _others:
        return name
    rules = _others[version].get(name)
    return name if rules is None or rules == own_rules().get(name) else f"{name}{_SEPARATOR}{version}"


def rules_of(name: str) -> bytes | None:
    """Return the rules of a zone under a name of `name_in`; None for a zone of the own version.

    A zone that the own version does not have yet is, under its own name, as it is in the newest version that has it.
    """
    zone, separator, version = name.partition(_SEPARATOR)
    if not separator and zone not in own_rules():
        version, separator = newest_with([zone]) or "", _SEPARATOR
    return _others.get(version, {}).get(zone) if separator else None
