"""Proves how a payload is encoded as a body, and which payloads are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from executions.targets.base import InvalidTarget
from executions.targets.http.body import encode_body
from executions.targets.http.config import HttpConfig


def config(**fields: Any) -> HttpConfig:
    return HttpConfig(**{"url": "https://example.com/", "method": "POST", **fields})


@pytest.mark.parametrize("payload", [{"a": "é"}, [1, None], "text", 5, False, {}])
def test_body_format_json_encodes_any_payload(payload: Any) -> None:
    body = encode_body(config(), payload)
    assert body is not None
    assert json.loads(body.data) == payload
    assert body.content_type == "application/json"


def test_body_format_form_encodes_scalars_and_lists() -> None:
    body = encode_body(config(body_format="form"), {"a": "x y&", "b": [1, True], "c": 1.5})
    assert body is not None
    assert body.data == b"a=x+y%26&b=1&b=true&c=1.5"
    assert body.content_type == "application/x-www-form-urlencoded"


def test_body_format_raw_sends_a_string_as_utf_8() -> None:
    body = encode_body(config(body_format="raw"), "é")
    assert body is not None
    assert (body.data, body.content_type) == ("é".encode(), "text/plain; charset=utf-8")


@pytest.mark.parametrize("body_format", ["json", "form", "raw", "none"])
def test_a_request_without_a_payload_has_no_body(body_format: str) -> None:
    assert encode_body(config(body_format=body_format), None) is None


def test_body_format_none_sends_no_body_whatever_the_payload_is() -> None:
    assert encode_body(config(body_format="none", method="GET"), {"a": 1}) is None


@pytest.mark.parametrize(
    ("fields", "payload", "where"),
    [
        ({"method": "GET"}, {"a": 1}, "payload"),
        ({"method": "HEAD"}, "x", "payload"),
        ({"body_format": "raw"}, {"a": 1}, "payload"),
        ({"body_format": "form"}, [1], "payload"),
        ({"body_format": "form"}, {"a": None}, "payload.a"),
        ({"body_format": "form"}, {"ok": 1, "b": [{"c": 1}]}, "payload.b"),
        ({}, {"a": float("nan")}, "payload"),
        ({}, "\ud800", "payload"),
        ({"body_format": "form"}, {"a": "\ud800"}, "payload"),
        ({"body_format": "raw"}, "\ud800", "payload"),
    ],
)
def test_a_payload_that_does_not_fit_the_body_format_is_refused_at_its_field(
    fields: dict[str, Any], payload: Any, where: str
) -> None:
    with pytest.raises(InvalidTarget) as caught:
        encode_body(config(**fields), payload)
    assert list(caught.value.errors) == [where]
