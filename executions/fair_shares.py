"""Pure: the rule by which those who share a number of places leave places for others.

The dynamic threshold of Choudhury and Hahne, 1998: the more places a share has, the more places must stay free.
"""

from __future__ import annotations

# A share may have at most 4 times as many places as are free. So one share alone gets four fifths of all places, the
# next share four fifths of the remaining places, and so on.
MAX_RATIO = 4


def fits(n_own: int, n_free: int) -> bool:
    """Return whether a share may have `n_own` places if `n_free` places are free then."""
    return n_own <= MAX_RATIO * n_free


def may_take(n_own: int, n_free: int) -> bool:
    """Return whether a share with `n_own` places may take one of `n_free` places. Its first may be the last one."""
    return n_free > 0 and (not n_own or fits(n_own + 1, n_free - 1))
