"""H in a cron expression: a number that is computed from a key, so that jobs do not all start together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from schedules.clock.cron.rules import DAY_OF_MONTH, DAY_OF_WEEK, YEAR, Field, FieldRule, read_number
from values.quoting import quoted

# The highest number that H stands for, if it is not the highest of the field: every month has 28 days, and Sunday is 0.
_HIGHEST_HASHED = {DAY_OF_MONTH.name: 28, DAY_OF_WEEK.name: 6}
_HASHED = re.compile(r"H(?:\((?P<low>[^()-]*)-(?P<high>[^()-]*)\))?(?:/(?P<step>[0-9]+))?")
_USES_HASH = re.compile(r"(?:^|[\s,])H(?:$|[\s,/(])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hashed:
    """An item of a field's list that stands for a number from `low` to `high`, or for every `step`-th of them.

    `rule_name`: the name of the field. `text`: the item as it was written, in upper case.
    """

    rule_name: str
    text: str
    low: int
    high: int
    step: int | None

    @property
    def n_choices(self) -> int:
        """How many choices of its numbers there are. A key selects one of them."""
        return self.step or self.high - self.low + 1

    def of_key(self, hash_key: str) -> Field:
        """Return the choice that a key selects."""
        # The name of the field makes the numbers of the fields independent of each other.
        digest = blake2b(f"{self.rule_name}\n{hash_key}".encode(), digest_size=8).digest()
        return self.choice(int.from_bytes(digest) % self.n_choices)

    def choice(self, index: int) -> Field:
        """Return one choice of the numbers. `index` is less than `n_choices`."""
        first = self.low + index
        if self.step is None or first + self.step > self.high:
            return Field(str(first), frozenset([first]))
        return Field(f"{first}-{self.high}/{self.step}", frozenset(range(first, self.high + 1, self.step)))


def uses_hash(text: str) -> bool:
    """Whether an expression contains H, so that its times depend on a key."""
    return _USES_HASH.search(text) is not None


def read_hashed(rule: FieldRule, term: str) -> Hashed:
    """Read `H`, `H(0-29)`, `H/15` or `H(0-29)/10`, as in Jenkins. Raises ValueError if the item is invalid."""
    match = _HASHED.fullmatch(term)
    if match is None:
        raise ValueError(f"{quoted(term)} is not allowed: write H, H(0-5), H/3 or H(0-5)/3")
    if rule is YEAR:
        raise ValueError("H is not allowed: name the years")
    low, high = rule.low, _HIGHEST_HASHED.get(rule.name, rule.high)
    if match["low"] is not None:
        low, high = read_number(rule, match["low"]), read_number(rule, match["high"])
        if high < low:
            raise ValueError(f"the range in {quoted(term)} runs backwards; write H({high}-{low})")
    size = high - low + 1
    step = None if match["step"] is None else int(match["step"])
    if step is not None and not 1 <= step <= size:
        raise ValueError(f"the step in {quoted(term)} must be from 1 to {size}")
    return Hashed(rule.name, term, low, high, step)
