"""Encodes a job's payload as the body of a request. A payload that cannot be encoded is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from executions.targets.base import InvalidTarget
from executions.targets.http.charsets import find_codec, stated_charset
from executions.targets.http.headers import fold
from values.quoting import quoted

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
    codec = _codec(config)
    if config.body_format == "form":
        return Body(_form(payload, codec), "application/x-www-form-urlencoded")
    if config.body_format == "raw":
        if not isinstance(payload, str):
            raise InvalidTarget({"payload": ["With body_format “raw”, the payload must be a string."]})
        return Body(_encode(payload, codec), "text/plain; charset=utf-8")
    return Body(_json(payload, codec), "application/json")


@dataclass(frozen=True, slots=True)
class _Codec:
    name: str = "utf-8"
    charset: str = "UTF-8"  # as the job's header states it
    header: str = "Content-Type"  # as the job spells it


def _codec(config: HttpConfig) -> _Codec:
    """Return the codec of the charset that the job's Content-Type header states; of UTF-8 if it states none."""
    for name, value in config.headers.items():
        charset = stated_charset(value) if fold(name) == "content-type" else None
        if charset is None:
            continue
        codec = find_codec(charset)
        if codec is None:
            sentence = f"The charset {quoted(charset)} is unknown: write charset=utf-8, or remove it."
            raise InvalidTarget({f"headers.{name}": [sentence]})
        return _Codec(codec, charset, name)
    return _Codec()


def _json(payload: JSON, codec: _Codec) -> bytes:
    try:
        # JSON can write every character with ASCII characters, and so in every charset.
        text = json.dumps(payload, ensure_ascii=codec.name != "utf-8", allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidTarget(
            {"payload": ["The payload can't be written as JSON: check its numbers and strings."]}
        ) from error
    return _encode(text, codec)


def _form(payload: JSON, codec: _Codec) -> bytes:
    if not isinstance(payload, Mapping):
        raise InvalidTarget(
            {"payload": ['With body_format “form”, the payload must be a JSON object, such as {"page": 1}.']}
        )
    if codec.name.startswith(("utf-16", "utf-32", "utf-8")):
        codec = _Codec()  # a form is percent-encoded ASCII: browsers write UTF-8 in this case, without byte order marks
    pairs: list[tuple[bytes, bytes]] = []
    wrong: dict[str, list[str]] = {}
    for name, value in payload.items():
        for item in value if isinstance(value, list | tuple) else [value]:
            if isinstance(item, bool):
                item = "true" if item else "false"
            if isinstance(item, str | int | float):
                pairs.append((_encode(str(name), codec), _encode(str(item), codec)))
            else:
                wrong[f"payload.{name}"] = [
                    "A form field must be a string, a number, true or false, or a list of these."
                ]
    if wrong:
        raise InvalidTarget(wrong)
    return urlencode(pairs).encode("ascii")


def _encode(text: str, codec: _Codec) -> bytes:
    try:
        return text.encode(codec.name)
    except UnicodeEncodeError as error:
        character = text[error.start]
        sentence = (
            "The payload contains half of a surrogate pair, which is not a character: remove it."
            if "\ud800" <= character <= "\udfff"
            else f"The payload contains {quoted(character)}, which the charset {quoted(codec.charset)} of the header "
            f"{codec.header} does not have: write charset=utf-8 there, or remove the character."
        )
        raise InvalidTarget({"payload": [sentence]}) from error
