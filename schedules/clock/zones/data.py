"""The time zone data: this process's own version, which is the package `tzdata`, and other versions that jobs still use.

A version is a name of the IANA, such as `2026f`, with the compiled rules (TZif) of each zone. Other versions come from
the database: `add` makes them known to this process.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
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
    return zlib.compress(json.dumps(texts).encode(), 9)


def add(version: str, packed: bytes) -> None:
    """Make a version known to this process. `packed`: the result of `pack`."""
    texts = json.loads(zlib.decompress(packed))
    _others[version] = {name: base64.b64decode(text) for name, text in texts.items()}


def is_known(version: str) -> bool:
    """Whether this process can calculate with the rules of this version."""
    return version == OWN_VERSION or version in _others


@lru_cache(maxsize=1)
def own_rules() -> dict[str, bytes]:
    """Return the rules of all zones in the package `tzdata`, by name."""
    names = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
    zones = resources.files("tzdata.zoneinfo")
    return {name: zones.joinpath(name).read_bytes() for name in names}


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

    This is the zone's own name if its rules are the same as in the own version, or if the version is not known.
    """
    if version == OWN_VERSION or version not in _others:
        return name
    rules = _others[version].get(name)
    return name if rules is None or rules == own_rules().get(name) else f"{name}{_SEPARATOR}{version}"


def rules_of(name: str) -> bytes | None:
    """Return the rules of a zone under a name of `name_in`; None for a zone of the own version."""
    zone, separator, version = name.partition(_SEPARATOR)
    return _others.get(version, {}).get(zone) if separator else None
