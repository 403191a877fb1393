"""Proves which URLs are refused, that the parser and the connection agree, and how a query is appended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.urls import MAX_URL_LENGTH, follow, parse_http_url, with_query


@pytest.mark.parametrize(
    ("text", "origin", "target"),
    [
        ("https://example.com", ("https", "example.com", 443), "/"),
        ("HTTP://Example.COM:8080/A?b=c", ("http", "example.com", 8080), "/A?b=c"),
        ("http://[2606:2800::1]:81/", ("http", "2606:2800::1", 81), "/"),
        ("https://bücher.example/ä?ö=ü", ("https", "xn--bcher-kva.example", 443), "/%C3%A4?%C3%B6=%C3%BC"),
        ("http://8.8.8.8/../x", ("http", "8.8.8.8", 80), "/x"),
        ("http://a_b.internal./", ("http", "a_b.internal.", 80), "/"),
    ],
)
def test_a_url_is_parsed_into_origin_and_target(text: str, origin: tuple[str, str, int], target: str) -> None:
    url = parse_http_url(text)
    assert (url.origin, url.target) == (origin, target)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "http://"),
        ("example.com", "http://"),
        ("ftp://example.com", "http://"),
        ("file:///etc/passwd", "http://"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("https://user@example.com/", "Authorization"),
        ("https://user:secret@example.com/", "Authorization"),
        ("https://@example.com/", "Authorization"),
        ("https://example.com/#top", "fragment"),
        ("https://exa mple.com/", "spaces"),
        ("https://example.com/a b", "spaces"),
        ("https://example.com/\r\nHost: evil", "spaces"),
        ("https://example.com\\@evil.com/", "backslashes"),
        ("https://example.com/\u2028", "spaces"),
        ("https://example.com:0/", "port"),
        ("https://example.com:65536/", "port"),
        ("https://example.com:port/", "port"),
        ("https://exa%20mple.com/", "host"),
        ("https://[fe80::1%25eth0]/", "host"),
        ("https://[::1/", "host"),
        ("https://a..b/", "host"),
        ("https://" + "a" * 64 + ".com/", "host"),
        ("https://example.com/" + "a" * MAX_URL_LENGTH, "2048"),
        ("https://ex\ud800ample.com/", "control"),
    ],
)
def test_an_invalid_url_is_refused_with_what_to_change(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){word}"):
        parse_http_url(text)


@given(st.text(max_size=60))
def test_any_text_after_the_scheme_is_parsed_or_refused_with_a_sentence(text: str) -> None:
    try:
        url = parse_http_url(f"http://{text}")
    except ValueError as error:
        assert str(error)
    else:
        assert url.host.isascii()
        assert url.target.isascii()
        assert not set(url.host + url.target) & set("\r\n\t \0@#") - set("@")


def test_the_query_is_appended_to_that_of_the_url() -> None:
    assert with_query("https://e.com/?a=1", {"b": [True, 2, 1.5], "c d": "é&"}) == (
        "https://e.com/?a=1&b=true&b=2&b=1.5&c%20d=%C3%A9%26"
    )
    assert with_query("https://e.com/", {}) == "https://e.com/"
    assert with_query("https://e.com/", {"a": []}) == "https://e.com/"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/next", "https://e.com/next"),
        ("next#part", "https://e.com/a/next"),
        ("//other.com/x", "https://other.com/x"),
        ("http://e.com/plain", "http://e.com/plain"),
        ("/\xc3\xa9", "https://e.com/%C3%A9"),
        ("?q=1", "https://e.com/a/b?q=1"),
    ],
)
def test_a_location_is_resolved_against_the_url_of_the_request(location: str, expected: str) -> None:
    assert follow(parse_http_url("https://e.com/a/b"), location).text == expected


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "gopher://e.com/", "https://u:p@e.com/", "http://[", "javascript:1"]
)
def test_a_location_that_may_not_be_requested_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        follow(parse_http_url("https://e.com/a/b"), location)
