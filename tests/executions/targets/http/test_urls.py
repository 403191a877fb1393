"""Proves which URLs are refused, that the parser and the connection agree, and how a query is appended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.urls import MAX_REDIRECT_LENGTH, MAX_URL_LENGTH, follow, parse_http_url, with_query
from tests.call_counter import counted_calls


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
        ("/a b?x=1 2", "https://e.com/a%20b?x=1%202"),
        ("c d", "https://e.com/a/c%20d"),
        ("?q=1 2", "https://e.com/a/b?q=1%202"),
        ("//other.com/x y", "https://other.com/x%20y"),
        ("https://e.com:8443/{a}|b?`c`", "https://e.com:8443/%7Ba%7D%7Cb?%60c%60"),
        ("  /x\t ", "https://e.com/x"),
        ("/x\xc3\xa9?\xe2\x82\xac", "https://e.com/x%C3%A9?%E2%82%AC"),
        ("/x\xe9", "https://e.com/x%E9"),
        ("http://b\xc3\xbccher.example/", "http://xn--bcher-kva.example/"),
        ("/100%", "https://e.com/100%25"),
        ("/a%20b%zz", "https://e.com/a%20b%25zz"),
        ("\\\\other.com\\x?a\\b", "https://other.com/x?a%5Cb"),
        ("/\\other.com/x", "https://other.com/x"),
        ("https:\\\\other.com\\@e.com", "https://other.com/@e.com"),
        ("/x%0d%0aEvil: 1", "https://e.com/x%0D%0AEvil:%201"),
        ("/x\r\nEvil: 1", "https://e.com/xEvil:%201"),
        ("/x\0y\x7f", "https://e.com/x%00y%7F"),
        ("/?u=http://f.com/a b#c d", "https://e.com/?u=http://f.com/a%20b"),
    ],
)
def test_a_location_is_resolved_against_the_url_of_the_request(location: str, expected: str) -> None:
    assert follow(parse_http_url("https://e.com/a/b"), location).text == expected


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "gopher://e.com/", "https://u:p@e.com/", "http://[", "javascript:1", "http://e .com/", "http://\xe9.com/",
     "http://e.com%0d%0a/", "//u@e.com", "\\\\u:p@e.com", "java\nscript:1"],
)  # fmt: skip
def test_a_location_that_may_not_be_requested_is_refused(location: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        follow(parse_http_url("https://e.com/a/b"), location)


@given(
    st.text(st.characters(max_codepoint=255), max_size=40), st.sampled_from(["", "/", "//", "https://", "?", "\\\\"])
)
def test_a_location_never_adds_a_line_or_a_space_to_a_request(text: str, start: str) -> None:
    try:
        url = follow(parse_http_url("https://e.com/a/b"), start + text)
    except ValueError as error:
        assert str(error)
    else:
        assert all("\x21" <= character <= "\x7e" for character in url.target + url.host)
        assert parse_http_url(url.text, MAX_REDIRECT_LENGTH) == url


@pytest.mark.parametrize("filler", ['"', "%", "\\", "\xff", " ", "../", "\t"])
def test_a_location_that_is_too_long_is_refused_before_it_is_read(filler: str) -> None:
    base, location = parse_http_url("https://e.com/"), "/" + filler * 60_000
    with pytest.raises(ValueError, match="at most 8192"), counted_calls() as calls:
        follow(base, location)
    assert calls.n <= 8, "more than a comparison of the length, and the calls of the counter"
