"""Errors of a request, in addition to those of Django REST framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import APIException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError


class InvalidInput(Exception):
    """A field or parameter is wrong. `errors`: the messages by the field's dotted path or the parameter's name."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class InputValidationError(Exception):
    """A request's body or query parameters do not match the model. Holds pydantic's error, the data and the model."""

    def __init__(self, error: ValidationError, data: Mapping[str, object], model: type[BaseModel]) -> None:
        super().__init__(error.title)  # str(error) lists every problem: slow for thousands
        self.error = error
        self.data = data
        self.model = model


class BodyTooLarge(APIException):
    """The body has more than `limit` bytes."""

    status_code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is too large: the limit is {limit} bytes.")
