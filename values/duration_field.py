"""A pydantic type for durations."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from values.durations import duration_text, read_duration


def _read(value: object) -> timedelta:
    try:
        return value if isinstance(value, timedelta) else read_duration(value, allow_zero=True)
    except ValueError as error:
        raise ValueError(f"This {error}." if str(error).startswith(("must", "is ")) else f"{error}.") from None


# A timedelta, read from a text such as "15m" or from a number of seconds (zero too), and serialized as text.
Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}], "examples": ["30s", "15m", "PT1H", 90]}),
]
