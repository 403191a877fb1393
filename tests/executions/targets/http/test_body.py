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


TYPE = {"Content-Type": "text/plain; charset=iso-8859-1"}


@pytest.mark.parametrize(
    ("content_type", "payload", "data"),
    [
        ("text/plain; charset=iso-8859-1", "Zürich", b"Z\xfcrich"),
        ("text/plain; charset=windows-1252", "Zürich €", b"Z\xfcrich \x80"),
        ('text/plain;CHARSET="UTF-8"', "€", "€".encode()),
        ("text/plain; charset=utf-16le", "€", "€".encode("utf-16-le")),
        ("text/plain; charset=Shift_JIS; format=flowed", "日本", "日本".encode("shift_jis")),
        ("text/plain", "€", "€".encode()),
        ("application/xml; xcharset=latin-1", "€", "€".encode()),
    ],
)
def test_a_raw_body_is_encoded_by_the_stated_charset(content_type: str, payload: str, data: bytes) -> None:
    for name in ("Content-Type", "content_type"):
        body = encode_body(config(body_format="raw", headers={name: content_type}), payload)
        assert body is not None and body.data == data


@pytest.mark.parametrize(
    ("body_format", "content_type", "payload", "data"),
    [
        ("json", "application/json; charset=iso-8859-1", {"a": "ü€"}, rb'{"a":"\u00fc\u20ac"}'),
        ("json", "application/json; charset=utf-16le", ["€"], '["\\u20ac"]'.encode("utf-16-le")),
        ("form", "application/x-www-form-urlencoded; charset=iso-8859-1", {"ü": ["é", 1]}, b"%FC=%E9&%FC=1"),
        ("form", "application/x-www-form-urlencoded; charset=utf-8-sig", {"ü": "é"}, b"%C3%BC=%C3%A9"),
        ("form", "application/x-www-form-urlencoded; charset=utf-16", {"ü": "é"}, b"%C3%BC=%C3%A9"),
    ],
)
def test_other_bodies_are_encoded_by_the_stated_charset_too(
    body_format: str, content_type: str, payload: Any, data: bytes
) -> None:
    body = encode_body(config(body_format=body_format, headers={"Content-Type": content_type}), payload)
    assert body is not None and body.data == data


@pytest.mark.parametrize(
    ("fields", "payload", "where", "word"),
    [
        ({"body_format": "raw", "headers": TYPE}, "Zürich €", "payload", '"€"'),
        ({"body_format": "form", "headers": TYPE}, {"a": "€"}, "payload", "charset=utf-8"),
        ({"body_format": "raw", "headers": {"content-type": "a;charset=latin-99"}}, "x", "headers.content-type", "-99"),
        ({"headers": {"Content-Type": "a/b; charset=rot13"}}, "x", "headers.Content-Type", "rot13"),
        ({"headers": {"Content-Type": "a/b; charset="}}, "x", "headers.Content-Type", "charset=utf-8"),
        ({"headers": {"Content-Type": "a/b; charset=punycode"}}, "x", "headers.Content-Type", "unknown"),
    ],
)  # fmt: skip
def test_a_payload_that_does_not_fit_the_charset_is_refused_with_the_fix(
    fields: dict[str, Any], payload: Any, where: str, word: str
) -> None:
    with pytest.raises(InvalidTarget) as caught:
        encode_body(config(**fields), payload)
    assert list(caught.value.errors) == [where]
    assert word in caught.value.errors[where][0]
