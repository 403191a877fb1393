"""Reads a request's JSON: strictly, within a size, and with a 400 for whatever else comes in."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from access.api.exceptions import BodyTooLarge, InputValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

Model = TypeVar("Model", bound=BaseModel)


class JsonParser(BaseParser):
    """UTF-8 JSON of at most as many bytes as the view takes, whatever charset the request claims."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        limit: int = context["view"].max_body_bytes
        announced = context["request"].META.get("CONTENT_LENGTH") or "0"
        if announced.isdecimal() and int(announced) > limit:
            raise BodyTooLarge(limit)
        body: bytes = stream.read(limit + 1)
        if len(body) > limit:
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
    """Return the request's body as `model`. Raises InputValidationError."""
    data = read_object(request)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputValidationError(error, data, model) from error
