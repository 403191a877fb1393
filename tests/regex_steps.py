"""Counts the steps of regular expressions, as a backtracking matcher does them: one for each look at a character.

The real matcher does not count its steps. So the patterns of a module are replaced: each still returns what the real
one finds, and then repeats the search step by step. The repetition must find the same, which checks it.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from re import _constants as op
from re import _parser
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    import pytest

Then: TypeAlias = "Callable[[int], int | None]"  # continues at an index; returns the end of the match, or None
Match: TypeAlias = "Callable[[Sequence[int], int, Then], int | None]"
# Of letters, digits and spaces; none of the patterns has a negated one.
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}
ONE_CHARACTER = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)


class Steps:
    """The steps of all counting patterns of a module. More than `most` steps are an error at once."""

    def __init__(self, most: int) -> None:
        self.n, self.most = 0, most

    def count(self, n: int = 1) -> None:
        self.n += n
        assert self.n <= self.most, f"more than {self.most} steps"


def count_steps(module: ModuleType, monkeypatch: pytest.MonkeyPatch, most: int) -> Steps:
    """Replace the compiled patterns of a module by patterns that count their steps together."""
    steps = Steps(most)
    for name, value in list(vars(module).items()):
        if isinstance(value, CountingPattern):
            value = value.pattern
        if isinstance(value, re.Pattern):
            monkeypatch.setattr(module, name, CountingPattern(value, steps))
    return steps


def codes_of(text: str | bytes) -> Sequence[int]:
    return text if isinstance(text, bytes) else [*map(ord, text)]


class CountingPattern:
    """A compiled pattern that counts its steps. It has the methods that the code under test uses."""

    def __init__(self, pattern: re.Pattern[Any], steps: Steps) -> None:
        self.pattern, self._steps = pattern, steps
        self._is_ascii = isinstance(pattern.pattern, bytes) or bool(pattern.flags & re.ASCII)
        assert not pattern.flags & (re.IGNORECASE | re.MULTILINE), "flags that this matcher does not know"
        self._match = self._sequence(_parser.parse(pattern.pattern, pattern.flags))

    def match(self, text: Any) -> Any:
        found = self.pattern.match(text)
        self._check(codes_of(text), 0, found)
        return found

    def fullmatch(self, text: Any) -> Any:
        found = self.pattern.fullmatch(text)
        self._check(codes_of(text), 0, found, lambda end: end if end == len(text) else None)
        return found

    def search(self, text: Any) -> Any:
        return next(self.finditer(text), None)

    def finditer(self, text: Any) -> Iterator[Any]:
        position, codes = 0, codes_of(text)
        for found in self.pattern.finditer(text):
            for start in range(position, found.start()):
                self._check(codes, start, None)
            self._check(codes, found.start(), found)
            yield found
            position = max(found.end(), found.start() + 1)
        for start in range(position, len(text)):
            self._check(codes, start, None)

    def sub(self, new: Any, text: Any) -> Any:
        for _ in self.finditer(text):
            pass
        return self.pattern.sub(new, text)

    def _check(self, codes: Sequence[int], start: int, found: Any, then: Then = lambda end: end) -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(1_000_000)  # one level for each repetition of a group
        try:
            assert self._match(codes, start, then) == (found.end() if found else None)
        finally:
            sys.setrecursionlimit(limit)

    def _sequence(self, nodes: Sequence[Any]) -> Match:
        matches = [self._node(*node) for node in nodes]

        def at(place: int, text: Sequence[int], index: int, then: Then) -> int | None:
            if place == len(matches):
                return then(index)
            return matches[place](text, index, lambda after: at(place + 1, text, after, then))

        return lambda text, index, then: at(0, text, index, then)

    def _node(self, kind: Any, value: Any) -> Match:
        if kind in ONE_CHARACTER:
            return self._repeated_character((kind, value), 1, 1, op.MAX_REPEAT)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            low, high, inner = value
            if len(inner) == 1 and inner[0][0] in ONE_CHARACTER:
                (character,) = inner
                return self._repeated_character(character, low, high, kind)
            assert kind is op.MAX_REPEAT
            return self._repeated_group(self._sequence(inner), low, high)
        if kind is op.SUBPATTERN:
            return self._sequence(value[3])
        if kind is op.BRANCH:
            branches = [self._sequence(branch) for branch in value[1]]
            return lambda text, index, then: next(
                (end for branch in branches if (end := branch(text, index, then)) is not None), None
            )
        if kind in (op.ASSERT, op.ASSERT_NOT):
            return self._look(value[0], value[1], is_wanted=kind is op.ASSERT)
        assert kind is op.AT and value is op.AT_END_STRING, f"{kind} {value} is not known to this matcher"
        return lambda text, index, then: then(index) if index == len(text) else None

    def _repeated_character(self, node: tuple[Any, Any], low: int, high: Any, kind: Any) -> Match:
        fits = lru_cache(maxsize=1000)(self._test(*node))

        def run(text: Sequence[int], index: int, then: Then) -> int | None:
            end, last = index, min(len(text), index + int(high))
            while end < last and fits(text[end]):
                end += 1
            self._steps.count(end - index + 1)
            stops = range(index + low, end + 1)
            for stop in stops if kind is op.MIN_REPEAT else reversed(stops):
                self._steps.count()
                if (found := then(stop)) is not None or kind is op.POSSESSIVE_REPEAT:
                    return found
            return None

        return run

    def _repeated_group(self, inner: Match, low: int, high: Any) -> Match:
        def run(text: Sequence[int], index: int, then: Then, n: int = 0) -> int | None:
            if n < int(high):
                found = inner(text, index, lambda after: run(text, after, then, n + 1) if after > index else None)
                if found is not None:
                    return found
            return then(index) if n >= low else None

        return run

    def _look(self, direction: int, inner: Sequence[Any], *, is_wanted: bool) -> Match:
        match, (width, _) = self._sequence(inner), inner.getwidth()  # type: ignore[attr-defined]

        def run(text: Sequence[int], index: int, then: Then) -> int | None:
            start = index if direction > 0 else index - width
            is_found = start >= 0 and match(text, start, lambda end: end) is not None
            return then(index) if is_found == is_wanted else None

        return run

    def _test(self, kind: Any, value: Any) -> Callable[[int], bool]:
        if kind is op.LITERAL:
            return lambda code: code == value
        if kind is op.NOT_LITERAL:
            return lambda code: code != value
        if kind is op.ANY:
            is_line = not self.pattern.flags & re.DOTALL
            return lambda code: not (is_line and code == ord("\n"))
        return lambda code: self._is_in(value, code)

    def _is_in(self, members: Sequence[Any], code: int) -> bool:
        is_negated = members[0][0] is op.NEGATE
        return is_negated != any(self._is_member(member, code) for member in members)

    def _is_member(self, member: tuple[Any, Any], code: int) -> bool:
        kind, value = member
        if kind is op.LITERAL:
            return bool(code == value)
        if kind is op.RANGE:
            return bool(value[0] <= code <= value[1])
        if kind is op.CATEGORY:
            character = chr(code) if code < 128 or not self._is_ascii else "\x00"
            return bool(CATEGORIES[value](character))
        return False  # NEGATE
