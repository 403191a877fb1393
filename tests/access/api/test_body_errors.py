"""Proves which bodies are JSON, and that the error for any other body says where it is wrong."""

from __future__ import annotations

import gc
import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from rest_framework.exceptions import ParseError

from access.api import bodies
from access.api.bodies import LARGE_BODY, JsonParser, large_body_lock, read_body, read_object
from access.api.exceptions import BodyTooLarge, InputValidationError, InvalidInput
from values.json_values import InvalidMembers

if TYPE_CHECKING:
    from tests.documented import DocumentedClient

LIMIT = 200_000


class Sample(BaseModel):
    name: str
    size: int = 1


def parse(body: bytes, content_length: str | None = None, limit: int = LIMIT) -> Any:
    meta = {"CONTENT_LENGTH": str(len(body)) if content_length is None else content_length}
    context = {"view": SimpleNamespace(max_body_bytes=limit), "request": SimpleNamespace(META=meta)}
    return JsonParser().parse(io.BytesIO(body), "application/json; charset=latin-1", context)


def request_with(data: object) -> Any:
    return SimpleNamespace(data=data)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"\xef\xbb\xbf{}", {}),
        ('{"é": "€"}'.encode(), {"é": "€"}),
        (b' [1,\n 2.5e3]\r\n"'[:-1], [1, 2500.0]),
        (b"null", None),
    ],
    ids=["object", "byte order mark", "UTF-8, whatever the header says", "spaces", "null"],
)
def test_a_body_of_json_is_read(body: bytes, value: object) -> None:
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "at line 1, column 1."),
        (b'{"a": 1,\n "b": }', "at line 2, column 7."),
        (b"{} {}", "Extra data at line 1, column 4."),
        (b"{'a': 1}", "at line 1, column 2."),
        (b'{"a": "\xff"}', "not valid UTF-8 at byte 8."),
        (b"\xff\xfe{\x00}\x00", "not valid UTF-8 at byte 1."),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "an integer of more than 4,300 digits"),
    ],
    ids=[
        "empty", "line and column", "two values", "quotes", "bytes", "UTF-16", "deep",
        "long number",
    ],
)  # fmt: skip
def test_any_other_body_is_an_error_that_says_where(body: bytes, text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(body)

    assert text in str(caught.value.detail)


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        (b'{"a": [1, NaN]}', "a.1", "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "a", "-Infinity is not a JSON number"),
        (b'{"a": {"b": 1, "b": 2}}', "a.b", '"b" occurs more than once in one object. Keep one of them.'),
        (b'{"a": [{"b": 1e400}]}', "a.0.b", "The number 1e400 is too large: write it as a string."),
        (b'{"a": 0.1234567890123456789}', "a", "would become 0.12345678901234568: round it, or write it as a string."),
    ],
)
def test_a_member_that_would_change_is_named_by_its_field(body: bytes, field: str, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(body)
    assert list(caught.value.errors) == [field]
    assert text in caught.value.errors[field][0]


@pytest.mark.parametrize(
    "content_length", [None, "", "x", "-1", "5"], ids=["true", "none", "word", "negative", "small"]
)
def test_the_limit_counts_bytes_whatever_length_the_header_claims(content_length: str | None) -> None:
    assert parse(b'"12345678"', content_length, limit=10) == "12345678"
    with pytest.raises(BodyTooLarge, match="the limit is 10 bytes"):
        parse(b'"123456789"', content_length, limit=10)


def test_a_body_whose_header_claims_too_much_is_refused() -> None:
    with pytest.raises(BodyTooLarge):
        parse(b"{}", "11", limit=10)
    assert parse(b"{}", "10", limit=10) == {}


@settings(max_examples=30)
@given(st.binary(max_size=30))
def test_no_body_causes_any_other_error(body: bytes) -> None:
    try:
        parse(body)
    except ParseError as error:
        assert str(error.detail)


@pytest.mark.parametrize("data", [[], "x", 5, None, True], ids=str)
def test_a_body_that_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(ParseError, match="must be a JSON object"):
        read_object(request_with(data))


def test_a_body_is_validated_by_its_model() -> None:
    assert read_body(request_with({"name": "x"}), Sample) == Sample(name="x", size=1)


def test_the_error_of_a_body_keeps_what_a_sentence_about_it_needs() -> None:
    data = {"size": "large", "more": [1] * 3}

    with pytest.raises(InputValidationError) as caught:
        read_body(request_with(data), Sample)

    assert caught.value.data is data
    assert caught.value.model is Sample
    assert {error["loc"] for error in caught.value.error.errors()} == {("name",), ("size",)}
    assert len(str(caught.value)) < 100


def test_an_error_for_several_fields_names_each_in_its_text() -> None:
    error = InvalidInput({"cursor": ["Not of this list."], "status": ["Unknown.", "Too long."]})

    assert str(error) == "cursor: Not of this list.; status: Unknown. Too long."
    assert list(error.errors) == ["cursor", "status"]


def test_a_body_that_is_too_large_is_a_413() -> None:
    assert BodyTooLarge(10).status_code == 413


def test_large_bodies_are_parsed_one_at_a_time() -> None:
    large = b'"%s"' % (b"x" * LARGE_BODY)
    with ThreadPoolExecutor(1) as threads:
        with large_body_lock:  # as while another large body is parsed
            waiting = threads.submit(parse, large)
            assert parse(b'"small"') == "small"
            assert not waiting.done()
        assert waiting.result() == "x" * LARGE_BODY


def test_a_body_of_very_many_values_is_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 200,000 values"):
        parse(b"[%s1]" % (b"1," * 200_000), limit=2_000_000)


def test_the_values_of_a_body_are_forgotten_with_the_response(api: DocumentedClient) -> None:
    """Not by the garbage collector, which may run much later: large bodies would fill the memory."""
    gc.collect()
    gc.disable()
    try:
        assert api.send("PUT", "/api/v1/jobs/by-key", {"jobs": [{"only this body": [1]}]}).status_code == 400
        kept = [each for each in gc.get_objects() if isinstance(each, dict) and "only this body" in each]
    finally:
        gc.enable()
    assert not kept


def test_no_garbage_is_collected_while_a_large_body_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def loads(text: str) -> str:
        seen.append(gc.isenabled())
        raise InvalidMembers({})

    monkeypatch.setattr(bodies, "loads", loads)
    for size in (LARGE_BODY, 1):
        with pytest.raises(InvalidInput):
            parse(b'"%s"' % (b"x" * size))
    assert (seen, gc.isenabled()) == ([False, True], True)
