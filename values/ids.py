"""UUID version 7 (RFC 9562, section 5.7): ids that contain an instant and sort by it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from values import clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def new_id() -> UUID:
    """Return a new id that contains the present time. Migrations use this function as the default of ids."""
    return uuid7(clock.now())


def uuid7(at: datetime) -> UUID:
    """Return a random UUIDv7 whose 48-bit time is `at` in milliseconds since 1970, clamped to the range of 48 bits.

    A run's id contains its *nominal* instant, so that a look-up by id alone finds the right partition.
    """
    random_bits = secrets.randbits(74)
    # After the time: 4 bits of version, 12 random bits, 2 bits of variant, 62 random bits.
    rest = 0x7 << 76 | (random_bits >> 62) << 64 | 0b10 << 62 | (random_bits & (2**62 - 1))
    return UUID(int=lowest_id(at).int | rest)


def lowest_id(at: datetime) -> UUID:
    """Return a lower bound for the ids of the millisecond `at` and of all later milliseconds."""
    milliseconds = min(max((at - EPOCH) // MILLISECOND, 0), 2**48 - 1)
    return UUID(int=milliseconds << 80)


def highest_id(at: datetime) -> UUID:
    """Return an upper bound for the ids of the millisecond `at` and of all earlier milliseconds."""
    return UUID(int=lowest_id(at).int | (1 << 80) - 1)


def read_id(text: str) -> UUID | None:
    """Convert a text to an id. Return None if the text is not a UUID."""
    try:
        return UUID(text)
    except ValueError:
        return None
