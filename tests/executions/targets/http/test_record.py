"""Proves that the recorded result can be stored, hides credentials, and decodes bodies without raising."""

from __future__ import annotations

import dataclasses
import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.exchange import Request, Trace
from executions.targets.http.record import (
    LARGE_RESPONSE,
    MAX_HEADER_LENGTH,
    MAX_HEADERS_LENGTH,
    MAX_REASON_LENGTH,
    decode,
    record,
)
from executions.targets.http.redaction.secrets import Secrets
from executions.targets.http.response import Response
from executions.targets.http.urls import parse_http_url
from values.json_values import find_unstorable

HEADERS = {"Authorization": "Bearer s3cret-token", "Accept": "text/plain"}
REQUEST = Request("POST", parse_http_url("https://e.com/?q=1"), HEADERS, b"abc")


def recorded(response: Response | None) -> dict[str, object]:
    trace = Trace(request=REQUEST, response=response, remote_address="8.8.8.8")
    result: dict[str, object] = record(trace, Secrets(HEADERS), REQUEST.url.host)
    return result


def test_credentials_in_headers_are_masked() -> None:
    headers = [("Set-Cookie", "id=s3cret"), ("set-cookie", "b=s3cret"), ("X-Api-Key", "s3cret"), ("ETag", "1")]
    result = recorded(Response(200, "OK", headers))
    assert "s3cret" not in json.dumps(result)
    response = result["response"]
    assert isinstance(response, dict)
    assert response["headers"] == {"set-cookie": "••••", "x-api-key": "••••", "etag": "1"}


def test_the_values_of_a_repeated_header_are_joined() -> None:
    response = recorded(Response(200, "OK", [("Via", "a"), ("via", "b")]))["response"]
    assert isinstance(response, dict)
    assert response["headers"] == {"via": "a, b"}


def test_the_request_is_recorded_without_its_headers() -> None:
    assert recorded(None)["request"] == {"method": "POST", "url": "https://e.com/?q=1", "n_body_bytes": 3}


def test_without_a_response_its_record_is_null() -> None:
    assert recorded(None)["response"] is None


def test_a_reason_and_a_header_are_cut_before_secrets_are_searched_for() -> None:
    text = "s3cret-tok" + "\\" * 60_000
    searched: list[int] = []

    class Counting(Secrets):
        def hide(self, text: str, *, is_cut: bool = False) -> str:
            searched.append(len(text))
            return super().hide(text, is_cut=is_cut)

    trace = Trace(request=REQUEST, response=Response(500, text, [("Via", text)] * 50))
    shown = record(trace, Counting(REQUEST.headers), "e.com")["response"]

    assert sum(searched) < 2 * MAX_HEADERS_LENGTH
    assert shown["reason"] == text[:MAX_REASON_LENGTH] and shown["headers"]["via"].startswith(text[:1000])


@pytest.mark.parametrize(
    ("host", "n_bytes", "waits"), [("e.com", LARGE_RESPONSE + 1, True), ("e.com", 10, False), ("f.com", 9999, False)]
)
def test_the_large_responses_of_a_host_are_described_one_at_a_time(host: str, n_bytes: int, waits: bool) -> None:
    entered, second, leave = threading.Event(), threading.Event(), threading.Event()

    class Slow(Secrets):
        def hide(self, text: str, *, is_cut: bool = False) -> str:
            entered.set()
            assert leave.wait(20)
            return super().hide(text, is_cut=is_cut)

    def describe(secrets: Secrets, host: str, n_bytes: int, done: threading.Event) -> None:
        record(Trace(request=REQUEST, response=Response(200, "OK", [], b"x" * n_bytes)), secrets, host)
        done.set()

    threads = [threading.Thread(target=describe, args=(Slow({}), "e.com", LARGE_RESPONSE + 1, threading.Event()))]
    threads[0].start()
    assert entered.wait(10)
    threads.append(threading.Thread(target=describe, args=(Secrets({}), host, n_bytes, second)))
    threads[1].start()
    assert second.wait(0.3 if waits else 10) is not waits
    leave.set()
    assert second.wait(10)
    for thread in threads:
        thread.join(10)


def test_a_flood_of_headers_is_truncated() -> None:
    response = recorded(Response(200, "OK", [(f"X-{n}", "a" * 60_000) for n in range(100)]))["response"]
    assert isinstance(response, dict)
    assert len(json.dumps(response["headers"])) < MAX_HEADERS_LENGTH + 1024


def test_the_query_of_a_url_in_a_response_header_is_hidden() -> None:
    headers = [("Location", "https://e.com/next?code=s3cret&page=2"), ("Content-Location", "/a?s3cret")]
    response = recorded(Response(302, "Found", headers))["response"]
    assert isinstance(response, dict)
    assert response["headers"] == {
        "location": "https://e.com/next?code=••••&page=••••",
        "content-location": "/a?••••",
    }


def test_an_echoed_secret_is_hidden_in_every_part_of_the_response() -> None:
    headers = [("Server", "s3cret-token/1"), ("Via-S3cret-Token", "1"), ("Location", "/s3cret-token")]
    body = b'{"headers": {"authorization": "Bearer s3cret-token", "accept": "text/plain"}}'
    result = recorded(Response(200, "s3cret-token is fine", headers, body))
    assert "s3cret" not in json.dumps(result).lower()
    assert isinstance(result["response"], dict)
    assert result["response"]["body"] == '{"headers": {"authorization": "••••", "accept": "text/plain"}}'


@pytest.mark.parametrize("n_shown", range(1, 13))
def test_a_secret_at_the_end_of_a_truncated_text_is_hidden(n_shown: int) -> None:
    start = "s3cret-token"[:n_shown]
    text = "x" * (MAX_HEADER_LENGTH - n_shown) + "s3cret-token"
    response = Response(200, "y" * (200 - n_shown) + "s3cret-token", [("Server", text)], b"body " + start.encode())
    result = recorded(dataclasses.replace(response, truncated=True))
    assert ("s3c" in json.dumps(result)) is False


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-8"])
def test_a_secret_is_hidden_in_a_body_of_any_charset(charset: str) -> None:
    body = "a s3cret-token b".encode(charset)
    for content_type in (f"text/plain; charset={charset}", "text/plain"):
        result = recorded(Response(200, "", [("Content-Type", content_type)], body))
        assert "s3cret" not in json.dumps(result).replace("\\u0000", "")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), None, "é"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode("utf-16"), 'text/plain; charset="utf-16"', "é"),
        ("日本".encode("shift_jis"), "text/html;charset=Shift_JIS", "日本"),
        (b"\xff", "text/plain", "\ufffd"),
        ("é".encode(), "text/plain; charset=no-such", "é"),
        (b"abc", "text/plain; charset=hex", "abc"),
        (b"abc", "text/plain; charset=undefined", "abc"),
        (b"abc", "text/plain; charset=punycode", "abc"),
        (b"abc", "charset=", "abc"),
    ],
)
def test_a_body_is_decoded_by_its_charset_and_never_raises(body: bytes, content_type: str | None, text: str) -> None:
    assert decode(body, content_type, cut=False) == text


def test_a_character_cut_at_the_size_limit_is_dropped() -> None:
    assert decode("aé".encode()[:2], None, cut=True) == "a"


@given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
def test_any_response_can_be_stored(body: bytes, content_type: str, reason: str) -> None:
    result = recorded(Response(200, reason, [("Content-Type", content_type)], body, complete=True))
    json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    assert find_unstorable(result) is None


@pytest.mark.parametrize("charset", ["utf-16", "utf-32", "utf-8-sig", "utf-7", "latin-1"])
def test_a_wrong_charset_is_no_error(charset: str) -> None:
    assert "plain" in decode(b"plain text", f"text/plain; charset={charset}", cut=False)
