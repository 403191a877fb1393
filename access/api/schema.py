"""How operations and their bodies are documented: pydantic shapes in, OpenAPI 3.1 out."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drf_spectacular.openapi import AutoSchema
    from pydantic import GetCoreSchemaHandler, ValidationInfo

    from access.api.parameters import Parameters

View = TypeVar("View", bound="Callable[..., Any]")
PROBLEM = "application/problem+json"
REFERENCE = "#/components/schemas/"


class Shape(BaseModel):
    """Base of every body that the API documents. Those of answers also make the answer's JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def json_body(self) -> dict[str, Any]:
        """Return the JSON that the API sends."""
        return self.model_dump(mode="json")


class DocumentedAs:
    """`Annotated[Any, Like(T)]`: passed through as it is, and documented as a T. For stored JSON that was valid once."""

    def __init__(self, documented: Any) -> None:
        self._documented = documented

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: value,
            handler.generate_schema(self._documented),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


class ReadAs:
    """`Annotated[T, ReadAs(Documented, read, write)]`: documented as `Documented`, and read by `read(value, info)`.

    For values whose reader is not pydantic's. `read` returns a T and raises what pydantic's validators may raise; `write`
    turns a T into the JSON that `model_dump(mode="json")` returns.
    """

    def __init__(
        self, documented: Any, read: Callable[[object, ValidationInfo], Any], write: Callable[[Any], Any]
    ) -> None:
        self.documented, self._read, self._write = documented, read, write

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_info_wrap_validator_function(
            lambda value, _, info: self._read(value, info),
            handler.generate_schema(self.documented),
            serialization=core_schema.plain_serializer_function_ser_schema(self._write),
        )


class UntitledSchema(GenerateJsonSchema):
    """Without a title on each member, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # untyped metaclass
    """Hands a shape and all that it refers to over to the document; requests and answers have their own components."""

    target_class = "access.api.schema.Shape"
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        set_override(self.target, "suppress_collision_warning", True)  # it would not know two uses of one class
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        asked = direction == "request"
        mode: Literal["validation", "serialization"] = "validation" if asked else "serialization"
        template = f"{REFERENCE}{{model}}{'Request' if asked else ''}"
        schema: dict[str, Any] = self.target.model_json_schema(
            ref_template=template, schema_generator=UntitledSchema, mode=mode
        )
        for name, inner in schema.pop("$defs", {}).items():
            component = f"{name}Request" if asked else name
            auto_schema.registry.register_on_missing(
                ResolvedComponent(  # type: ignore[no-untyped-call]  # untyped library
                    component, ResolvedComponent.SCHEMA, schema=inner, object=component
                )
            )
        return schema


class ProblemField(Shape):
    """One thing that is wrong."""

    field: str = Field(description="Dotted path in the body, or the query parameter.", examples=["schedule.cron"])
    message: str = Field(description="What is wrong with it, and how to mend it.")


class Problem(Shape):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="`about:blank`: the status says it all.")
    title: str
    status: int
    detail: str = Field(description="A sentence for people.")
    errors: list[ProblemField] | None = Field(None, description="Everything that is wrong, by field.")


WHEN = {
    400: "The request cannot be understood, or a field is wrong: `errors` names each of them.",
    401: "No API key or session, or one that is unknown, expired or revoked.",
    403: "The user is not of the staff or lacks the permission, or a session's request lacks its CSRF token.",
    404: "There is no such thing, or it was deleted.",
    409: "Its present state does not allow this.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
}
EXAMPLES: dict[int, tuple[str, list[dict[str, str]]]] = {
    400: (
        "1 field is wrong.",
        [{"field": "schedule.cron", "message": "minute: 75 is not in 0-59."}],
    ),
    401: ("Authentication credentials were not provided.", []),
    403: ("You do not have permission to perform this action.", []),
    404: ("There is nothing here: it never was, or it was deleted.", []),
    409: ("The job is active, not paused.", []),
    413: ("The body is too large: at most 65536 bytes are taken.", []),
    415: ('Unsupported media type "text/plain" in request.', []),
}


def operation(
    name: str,
    *,
    responses: Mapping[int, tuple[type[Shape] | None, Any]],
    body: tuple[type[Shape], Mapping[str, Any]] | None = None,
    parameters: type[Parameters] | None = None,
    errors: Sequence[int] = (),
    location_status: int | None = None,
) -> Callable[[View], View]:
    """Document a view's method: its docstring says what it does.

    `responses`: a shape and an example for each status. `body`: the body's shape and named examples. `errors`: statuses
    beside 400, 401 and 403, which are always possible. `location_status`: the status that comes with a Location.
    """
    statuses = [400, 401, 403, *errors, *([413, 415] if body else [])]
    found: list[OpenApiParameter] = parameters.openapi_parameters() if parameters else []
    if location_status:
        found.append(OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[location_status]))
    decorate: Callable[[View], View] = extend_schema(
        operation_id=name,
        summary=re.sub(r"_", " ", name).capitalize(),
        parameters=found,
        request=_request(*body) if body else None,
        responses={
            **{status: _answer(status, *answer) for status, answer in responses.items()},
            **{(status, PROBLEM): _problem(status) for status in statuses},
        },
    )
    return decorate


def _request(shape: type[Shape], examples: Mapping[str, Any]) -> dict[str, OpenApiRequest]:
    named = [OpenApiExample(name, value) for name, value in examples.items()]
    return {"application/json": OpenApiRequest(shape, examples=named)}


def _answer(status: int, shape: type[Shape] | None, example: Any) -> OpenApiResponse:
    text = HTTPStatus(status).phrase
    return OpenApiResponse(shape, text, [OpenApiExample(text, example)] if shape else [])


def _problem(status: int) -> OpenApiResponse:
    detail, errors = EXAMPLES[status]
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        example["errors"] = errors
    return OpenApiResponse(Problem, WHEN[status], [OpenApiExample(HTTPStatus(status).phrase, example)])
