"""Builds the OpenAPI 3.1 documentation of operations from pydantic models."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from drf_spectacular.drainage import set_override
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from values.problem_documents import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from drf_spectacular.openapi import AutoSchema
    from pydantic import GetCoreSchemaHandler, ValidationInfo

    from access.api.parameters import Parameters

View = TypeVar("View", bound="Callable[..., Any]")
REFERENCE = "#/components/schemas/"


class Shape(BaseModel):
    """Base class of all request and response bodies of the API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def json_body(self) -> dict[str, Any]:
        """Return this object as JSON values, for the body of a response."""
        return self.model_dump(mode="json")


class PageShape(Shape):
    """Base class for one page of a list. Each subclass adds `results`."""

    next: str | None = Field(description="URL of the next page; null on the last page.")
    previous: str | None = Field(description="URL of the previous page; null on the first page.")


class DocumentedAs:
    """`Annotated[Any, DocumentedAs(T)]`: a value that is documented as T but not validated.

    Use it for values that other code validates, and for stored values. Stored values were valid for the version of
    Mainspring that wrote them.
    """

    def __init__(self, documented: Any) -> None:
        self._documented = documented

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, _: value,
            handler.generate_schema(self._documented),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value),
        )


class ReadAs:
    """`Annotated[T, ReadAs(D, read, write)]`: a value that is documented as `D`, and read by `read(value, info)`.

    Use it for values that pydantic cannot read by itself. `read` returns a T, or raises an error that a pydantic
    validator may raise. `model_dump` calls `write`, which returns the JSON of a T.
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
    """Generates JSON schemas without titles of members: a title would only repeat the member's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # untyped metaclass
    """Adds to the OpenAPI document a Shape and all models that the Shape contains.

    Requests and responses get different components, because a default makes a member optional in requests only.
    """

    target_class = "access.api.schema.Shape"
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        # drf-spectacular warns about two components of the same name, although both come from the same class.
        set_override(self.target, "suppress_collision_warning", True)
        # For a request body drf-spectacular appends "Request" to the name.
        name = str(self.target.__name__)
        return name.removesuffix("Request") if direction == "request" else name

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        is_request = direction == "request"
        mode: Literal["validation", "serialization"] = "validation" if is_request else "serialization"
        template = f"{REFERENCE}{{model}}{'Request' if is_request else ''}"
        schema: dict[str, Any] = self.target.model_json_schema(
            ref_template=template, schema_generator=UntitledSchema, mode=mode
        )
        for name, inner in schema.pop("$defs", {}).items():
            component = f"{name}Request" if is_request else name
            auto_schema.registry.register_on_missing(
                ResolvedComponent(  # type: ignore[no-untyped-call]  # untyped library
                    component, ResolvedComponent.SCHEMA, schema=inner, object=component
                )
            )
        return schema


class ProblemField(Shape):
    """One wrong field or parameter."""

    field: str = Field(
        description="Dotted path of the field in the body, or name of the parameter in the URL.",
        examples=["schedule.cron"],
    )
    message: str = Field(description="What is wrong, and how to fix it.")


class Problem(Shape):
    """An error as a problem document (RFC 9457)."""

    type: str = Field(description="Always `about:blank`: the status alone says what kind of problem it is.")
    title: str
    status: int
    detail: str = Field(description="What went wrong, as a sentence.")
    errors: list[ProblemField] | None = Field(
        None, description="The wrong fields or parameters. A long list is cut off."
    )


ERROR_DESCRIPTIONS = {
    400: "The request cannot be read, or a field or parameter is wrong (see `errors`).",
    401: "The API key or session is missing, unknown, expired or revoked, or its user is inactive.",
    403: "The user is not staff or lacks the permission, or a request with a session cookie has no valid CSRF token.",
    404: "The object does not exist, was deleted, or is hidden from you.",
    409: "The object's current state does not allow the operation.",
    413: "The body is too large.",
    414: "The URL is too long.",
    415: "The body is not `application/json`.",
}
NOT_FOUND = "No object was found at this URL: the URL is wrong, or the object was deleted or is hidden from you."
NOT_ALLOWED = "You do not have permission to do this."
NO_KEY = (
    "The request has no API key: send the header `Authorization: Bearer ms_…`. Create a key in the admin, "
    "under API keys."
)
NOT_JSON = "The body is not JSON: send it as JSON, with the header `Content-Type: application/json`."
PROBLEM_EXAMPLES: dict[int, tuple[str, list[dict[str, str]]]] = {
    400: (
        "1 field is wrong.",
        [{"field": "schedule.cron", "message": "minute: 75 is not in 0-59."}],
    ),
    401: (NO_KEY, []),
    403: (NOT_ALLOWED, []),
    404: (NOT_FOUND, []),
    409: ("The job is active, not paused.", []),
    413: ("The body is too large: the limit is 65536 bytes.", []),
    414: ("The URL is too long: send fewer or shorter query parameters.", []),
    415: (NOT_JSON, []),
}


def operation(
    name: str,
    *,
    responses: Mapping[int, tuple[type[Shape] | None, Any]],
    body: tuple[type[Shape], Mapping[str, Any]] | None = None,
    parameters: type[Parameters] | None = None,
    errors: Sequence[int] = (),
    location_status: int | None = None,
    media_types: Sequence[str] = ("application/json",),
) -> Callable[[View], View]:
    """Return a decorator that documents a method of a view. The method's docstring describes the operation.

    `responses`: a shape and an example for each status. `body`: the request body's shape and named examples. `errors`:
    statuses in addition to 400, 401, 403, with parameters 414, and with a body 413 and 415. `location_status`: the
    status whose response has a Location header. `media_types`: those of the request body.
    """
    statuses = [400, 401, 403, *errors, *([414] if parameters else []), *([413, 415] if body else [])]
    found: list[OpenApiParameter] = parameters.openapi_parameters() if parameters else []
    if location_status:
        found.append(OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[location_status]))
    decorate: Callable[[View], View] = extend_schema(
        operation_id=name,
        summary=name.replace("_", " ").capitalize(),
        parameters=found,
        request=_request(*body, media_types) if body else None,
        responses={
            **{status: _response(status, *response) for status, response in responses.items()},
            **{(status, MEDIA_TYPE): _problem(status) for status in statuses},
        },
    )
    return decorate


def _request(shape: type[Shape], examples: Mapping[str, Any], media_types: Sequence[str]) -> dict[str, OpenApiRequest]:
    named = [OpenApiExample(name, value) for name, value in examples.items()]
    return {media_type: OpenApiRequest(shape, examples=named) for media_type in media_types}


def _response(status: int, shape: type[Shape] | None, example: Any) -> OpenApiResponse:
    text = HTTPStatus(status).phrase
    return OpenApiResponse(shape, text, [OpenApiExample(text, example)] if shape else [])


def _problem(status: int) -> OpenApiResponse:
    detail, errors = PROBLEM_EXAMPLES[status]
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        example["errors"] = errors
    return OpenApiResponse(Problem, ERROR_DESCRIPTIONS[status], [OpenApiExample(HTTPStatus(status).phrase, example)])
