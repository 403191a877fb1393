"""Reads a request's JSON: strictly, within a size, and with a 400 for whatever else comes in."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

from django.conf import settings
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from access.api.exceptions import BodyTooLarge, UnfitInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

Model = TypeVar("Model", bound=BaseModel)


class JsonParser(BaseParser):
    """UTF-8 JSON of at most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes, whatever charset the request claims."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit: int | None = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body: bytes = stream.read() if limit is None else stream.read(limit + 1)
        if limit is not None and len(body) > limit:
            raise BodyTooLarge(limit)
        try:
            return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8: byte {error.start} fits no character.") from error
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
            ) from error
        except RecursionError as error:
            raise ParseError("The body is nested too deeply: make it flatter.") from error
        except ValueError as error:  # a number of thousands of digits
            raise ParseError(f"The body holds a number that cannot be read: {error}.") from error


def _refuse(name: str) -> NoReturn:
    raise ParseError(f"The body is not JSON: {name} is not a JSON number.")


def read_object(request: Request) -> dict[str, Any]:
    """Return the request's body, which has to be a JSON object; no body at all counts as an empty one."""
    data = request.data
    if not isinstance(data, dict):
        raise ParseError("The body must be a JSON object.")
    return data


def read_body(request: Request, model: type[Model]) -> Model:
    """Return the request's body as `model`. Raises UnfitInput."""
    data = read_object(request)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UnfitInput(error, data, model) from error
