"""What is wrong with a request, as far as that is not an error of Django REST framework's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import APIException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError


class InvalidInput(Exception):
    """A request cannot be understood. `errors` maps a dotted field or a query parameter to its messages."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors


class InputValidationError(Exception):
    """A body or query does not fit its model: pydantic's error, with what was read and what may be given."""

    def __init__(self, error: ValidationError, data: Mapping[str, object], model: type[BaseModel]) -> None:
        super().__init__(error.title)  # the error itself would write out each of its problems
        self.error = error
        self.data = data
        self.known_names = tuple(model.model_fields)


class BodyTooLarge(APIException):
    """The body has more bytes than `limit`."""

    status_code = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is too large: at most {limit} bytes are taken.")
