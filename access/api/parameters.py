"""Query parameters as pydantic models. A request with an unknown, repeated or invalid parameter is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from drf_spectacular.utils import OpenApiParameter
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from access.api.exceptions import InputValidationError, InvalidInput
from access.api.schema import UntitledSchema

if TYPE_CHECKING:
    from typing import Self

    from rest_framework.request import Request

MAX_PAGE_SIZE = 200  # rows; a page is built in memory
DEFAULT_PAGE_SIZE = 50  # rows, as on the pages of the admin
MAX_CURSOR_LENGTH = 400  # characters; a cursor contains the sort key of a row: at most a name of 100 characters
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def split_at_commas(value: object) -> object:
    """Split a parameter with several values: `?status=queued,running`."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


class Parameters(BaseModel):
    """Base class of query parameters. The base class itself accepts no parameter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def read(cls, request: Request) -> Self:
        """Read the query parameters of a request. Raises InvalidInput or InputValidationError."""
        given: dict[str, str] = {}
        errors: dict[str, list[str]] = {}
        for name, values in request.query_params.lists():
            if any(bad in text for text in (name, *values) for bad in ("\0", "\ufffd")):
                errors[name] = ["This parameter contains a NUL character or bytes that are not UTF-8: remove them."]
            elif len(values) > 1:
                errors[name] = ["This parameter is set more than once: set it once."]
            else:
                given[name] = values[0]
        if errors:
            raise InvalidInput(errors)
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise InputValidationError(error, given, cls) from error

    @classmethod
    def openapi_parameters(cls) -> list[OpenApiParameter]:
        """Return the parameters for the OpenAPI document."""
        schema = cls.model_json_schema(schema_generator=UntitledSchema)
        required = schema.get("required", [])
        return [
            _openapi_parameter(name, described, schema.get("$defs", {}), required=name in required)
            for name, described in schema.get("properties", {}).items()
        ]


def _openapi_parameter(
    name: str, schema: dict[str, Any], shared: dict[str, Any], *, required: bool
) -> OpenApiParameter:
    text = schema.pop("description", "")
    default = schema.pop("default", None)
    inlined: dict[str, Any] = _inlined(schema, shared)
    branches = [branch for branch in inlined.pop("anyOf", []) if branch != {"type": "null"}]
    inlined = {**inlined, **branches[0]} if branches else inlined
    if default is not None:
        inlined["default"] = default
    return OpenApiParameter(
        name,
        inlined,
        description=text,
        required=required,
        explode=False if inlined.get("type") == "array" else None,
    )


def _inlined(schema: Any, shared: dict[str, Any]) -> Any:
    """Replace each reference with its definition: parameters cannot refer to the document's components."""
    if isinstance(schema, list):
        return [_inlined(item, shared) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(shared[schema["$ref"].rpartition("/")[2]], shared)
    return {name: _inlined(value, shared) for name, value in schema.items()}


class PageParameters(Parameters):
    """The parameters of a list that has pages."""

    cursor: str | None = Field(
        None,
        min_length=1,
        max_length=MAX_CURSOR_LENGTH,
        description="The page to return: the cursor from the URL in `next` or `previous`. Default: the first page.",
    )
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = Field(
        DEFAULT_PAGE_SIZE, description="Maximum number of results on a page. A page of large results has fewer."
    )


def _require_iso_date(value: object) -> object:
    """Refuse numbers and strings of digits, which pydantic would read as seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _DATE.match(value)):
        return value
    raise PydanticKnownError("datetime_type")


def _in_utc(value: datetime) -> datetime:
    # PostgreSQL refuses offsets of 16 hours and more.
    return value.astimezone(UTC)


Instant = Annotated[
    AwareDatetime,
    Field(ge="1970-01-01T00:00:00Z", lt="9998-01-01T00:00:00Z"),
    BeforeValidator(_require_iso_date),
    AfterValidator(_in_utc),
]
