"""Encodes a job's payload as the body of a request. A payload that cannot be encoded is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from executions.targets.base import InvalidTarget

if TYPE_CHECKING:
    from executions.targets.http.config import HttpConfig
    from values.json_values import JSON


@dataclass(frozen=True, slots=True)
class Body:
    data: bytes
    content_type: str  # sent unless the job sets a Content-Type header


def encode_body(config: HttpConfig, payload: JSON) -> Body | None:
    """Return the body, or None for a request without a body.

    Raises InvalidTarget if the payload does not fit `config`. Each error is under `payload` or `payload.<name>`.
    """
    if payload is None or config.body_format == "none":
        return None
    if config.method in ("GET", "HEAD"):
        sentence = (
            f"A {config.method} request has no body, so its payload would be lost: choose POST, move the values to "
            "the query, leave the payload out, or set body_format to “none”."
        )
        raise InvalidTarget({"payload": [sentence]})
    if config.body_format == "form":
        return Body(_form(payload), "application/x-www-form-urlencoded")
    if config.body_format == "raw":
        if not isinstance(payload, str):
            raise InvalidTarget({"payload": ["With body_format “raw”, the payload must be a string."]})
        return Body(_utf8(payload), "text/plain; charset=utf-8")
    return Body(_json(payload), "application/json")


def _json(payload: JSON) -> bytes:
    try:
        return _utf8(json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTarget(
            {"payload": ["The payload can't be written as JSON: check its numbers and strings."]}
        ) from error


def _form(payload: JSON) -> bytes:
    if not isinstance(payload, Mapping):
        raise InvalidTarget(
            {"payload": ['With body_format “form”, the payload must be a JSON object, such as {"page": 1}.']}
        )
    pairs: list[tuple[str, str]] = []
    wrong: dict[str, list[str]] = {}
    for name, value in payload.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, bool):
                pairs.append((str(name), "true" if item else "false"))
            elif isinstance(item, str | int | float):
                pairs.append((str(name), str(item)))
            else:
                wrong[f"payload.{name}"] = [
                    "A form field must be a string, a number, true or false, or a list of these."
                ]
    if wrong:
        raise InvalidTarget(wrong)
    try:
        return urlencode(pairs).encode("ascii")
    except UnicodeEncodeError as error:
        raise InvalidTarget(
            {"payload": ["The payload contains half of a surrogate pair, which is not a character: remove it."]}
        ) from error


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidTarget(
            {"payload": ["The payload contains half of a surrogate pair, which is not a character: remove it."]}
        ) from error
