"""Reads the JSON body of a request. Invalid JSON or UTF-8 gets status 400; a body that is too large gets 413."""

from __future__ import annotations

import gc
import json
import threading
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from access.api.exceptions import BodyTooLarge, InputValidationError, InvalidInput
from values.json_values import InvalidMembers, loads

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rest_framework.request import Request

MERGE_PATCH = "application/merge-patch+json"
LARGE_BODY = 64 * 1024  # bytes; parsing such a body may take ten times as much memory, and 0.2 s
# A process parses large bodies one at a time: parsing takes much more memory than its result.
large_body_lock = threading.Lock()
Model = TypeVar("Model", bound=BaseModel)


class JsonParser(BaseParser):
    """Parses UTF-8 JSON of at most the view's `max_body_bytes`. The charset in the request's header is ignored."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        context = parser_context or {}
        limit: int = context["view"].max_body_bytes
        content_length = context["request"].META.get("CONTENT_LENGTH") or "0"
        if content_length.isdecimal() and int(content_length) > limit:
            raise BodyTooLarge(limit)
        # Read one byte more than the limit: it shows that a body without a Content-Length is too large.
        body: bytes = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge(limit)
        try:
            with _alone() if len(body) > LARGE_BODY else nullcontext():
                # utf-8-sig also accepts the byte order mark that some programs on Windows write.
                return loads(body.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not valid UTF-8 at byte {error.start + 1}.") from error
        except json.JSONDecodeError as error:
            raise ParseError(
                f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
            ) from error
        except InvalidMembers as invalid:
            raise InvalidInput(invalid.errors) from invalid
        except RecursionError as error:
            raise ParseError("The body is nested too deeply: use fewer levels.") from error
        except ValueError as error:  # Python refuses to read integers of more than 4,300 digits
            raise ParseError("The body contains an integer of more than 4,300 digits: send it as a string.") from error


@contextmanager
def _alone() -> Iterator[None]:
    """Parse alone: other threads that parse a large body wait, and no garbage is collected.

    The collector would look through the new values again and again, with all other threads stopped: for 200,000 empty
    lists this takes ten times as long as to read them.
    """
    with large_body_lock:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if was_enabled:
                gc.enable()


class MergePatchParser(JsonParser):
    """Parses the same JSON under the media type of JSON merge patches (RFC 7396)."""

    media_type = MERGE_PATCH


def refuse_body(request: Request) -> None:
    """Raise ParseError if the request has a body."""
    if (request.META.get("CONTENT_LENGTH") or "0") != "0":
        raise ParseError(f"{request.method} takes no body: send the request without one.")


def read_object(request: Request) -> dict[str, Any]:
    """Return the request's body, or {} if the body is empty. Raises ParseError if the body is not a JSON object."""
    data = request.data
    if not isinstance(data, dict):
        raise ParseError("The body must be a JSON object.")
    return data


def read_body(request: Request, model: type[Model]) -> Model:
    """Return the request's body as a `model`.

    Raises ParseError if the body is not a JSON object, and InputValidationError if it does not match the model.
    """
    data = read_object(request)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputValidationError(error, data, model) from error
