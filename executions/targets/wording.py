"""Turns an error or a value from the code of a target kind into one line of text.

If its `__str__` or `__repr__` fails, the text names the type instead.
"""

from __future__ import annotations

import reprlib


def error_words(error: BaseException) -> str:
    """Return class and message of an error on one line. If the error's own `__str__` fails, say so instead."""
    try:
        text = " ".join(str(error).split())
    except (Exception, SystemExit) as failure:  # noqa: BLE001 - an error of any class may write its message
        text = f"its message can't be read, because of {type(failure).__name__}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def value_words(value: object) -> str:
    """Return a value as Python writes it, shortened, on one line. If that fails, return the value's type."""
    try:
        return " ".join(reprlib.repr(value).split())
    except Exception:  # noqa: BLE001 - Python writes no int with more than 4300 digits; other objects may raise anything
        return f"an object of type {type(value).__name__}"
