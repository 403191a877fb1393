"""Recognizes cron expressions with the wrong characters inside a field, and says what to write instead."""

from __future__ import annotations

import re

from schedules.clock.cron.rules import DAY_OF_WEEK, MONTH
from schedules.clock.wording import joined
from values.quoting import quoted

_SPACED = re.compile(r"(?:(?<=[\w)])|(?<=[*])(?=\s*/))\s*([-,/])\s*(?=\w)")
_NAMES = "|".join([*MONTH.names, *DAY_OF_WEEK.names])
_RANGE = re.compile(r"(?<=\w)\s*(?:[.]{2,}|[\u2026\u2010-\u2015\u2212])\s*(?=\w)")  # 1..5, and typographic dashes
_FIELD = re.compile(rf"(?:[0-9*?#/,()LWH-]|{_NAMES})+", re.IGNORECASE)


def range_error(text: str) -> str:
    """Return the error for a range such as `mon..fri`, which is not written with a hyphen; or an empty text."""
    instead = _RANGE.sub("-", " ".join(text.split()))
    if instead == " ".join(text.split()) or not _looks_right(instead):
        return ""
    return f'A range is written with "-": write {exact(instead)}.'


def spaces_error(words: list[str]) -> str:
    """Return the error for spaces inside a field, such as `MON - FRI`; or an empty text."""
    text = " ".join(words)
    instead = _SPACED.sub(r"\1", text)
    if instead == text or not _looks_right(instead):
        return ""
    marks = dict.fromkeys(match[1] for match in _SPACED.finditer(text) if " " in match[0])
    around = joined([f'"{mark}"' for mark in marks])
    return f"Remove the spaces around {around}: write {exact(instead)}."


def exact(expression: str) -> str:
    """Return an expression in quotes. Unlike `quoted`, do not shorten it: the reader copies it."""
    return f'"{expression}"' if expression.isprintable() else quoted(expression)


def _looks_right(expression: str) -> bool:
    """Whether a text has the right number of fields, and nothing that no field may contain."""
    fields = expression.split()
    return len(fields) in (5, 6, 7) and all(map(_FIELD.fullmatch, fields))
