"""UUID version 7 (RFC 9562, section 5.7): ids that sort by an instant and from which it can be read."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def uuid7(at: datetime) -> UUID:
    """Return a random UUIDv7 whose 48-bit time is `at`, in milliseconds, cut to the range of the format.

    A run's id carries its *nominal* instant, so that a look-up by id alone knows where in time to look.
    """
    noise = secrets.randbits(74)
    rest = 0x7 << 76 | (noise >> 62) << 64 | 0b10 << 62 | (noise & (2**62 - 1))
    return UUID(int=lowest_id(at).int | rest)


def lowest_id(at: datetime) -> UUID:
    """Return a bound for comparisons: no id of this millisecond, or of a later one, is lower."""
    milliseconds = min(max((at - EPOCH) // MILLISECOND, 0), 2**48 - 1)
    return UUID(int=milliseconds << 80)


def highest_id(at: datetime) -> UUID:
    """Return a bound for comparisons: no id of this millisecond, or of an earlier one, is higher."""
    return UUID(int=lowest_id(at).int | (1 << 80) - 1)


def read_id(text: str) -> UUID | None:
    """Return the id that a text spells, None when it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None
