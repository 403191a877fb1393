"""Proves which headers a job may set, which are hidden as credentials, and which a redirect drops."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.targets.http.headers import (
    MASK,
    MAX_HEADER_BYTES,
    check_all,
    check_name,
    check_value,
    fold,
    for_another_origin,
    is_sensitive,
    is_sensitive_in_response,
    masked,
    without_body,
)

CREDENTIALS = [
    "Authorization",
    "Cookie",
    "X-Api-Key",
    "api_key",
    "X-Auth-Token",
    "X-Hub-Signature-256",
    "Key",
    "X-Key-Id",
    "Proxy-Authorization",
    "Set-Cookie",
    "Ocp-Apim-Subscription-Key",
    "X-Amz-Security-Token",
    "X_API_KEY",
    "Pwd",
    "X-Passphrase",
    "X-Hmac",
    "SubscriptionKey",
    "X-Vault",
    "Sesame",
    "X-Accept",
    "Accept-Ticket",
    "Content-Hmac",
    "Referer",
]
HARMLESS = [
    "Accept",
    "ACCEPT_LANGUAGE",
    "X-Request-Id",
    "Idempotency-Key",
    "idempotency_key",
    "User-Agent",
    "If-None-Match",
    "traceparent",
    "Mainspring-Run-Id",
    "Content-Type",
]


@pytest.mark.parametrize("name", ["X-Request-Source", "x", "X_Y", "a.b", "X-1", "!#$%&'*+.^_`|~", "x" * 256])
def test_a_token_is_a_name_of_a_header(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "X Y", "X:", "é", "X\n", "x" * 257, "(x)", "X-Ü", '"x"'])
def test_any_other_text_is_no_name_of_a_header(name: str) -> None:
    with pytest.raises(ValueError, match="has 1 to 256 characters"):
        check_name(name)


@pytest.mark.parametrize(
    "name",
    ["Host", "host", "HOST", "Content-Length", "content_length", "Transfer-Encoding", "TE", "Upgrade", "Expect"]
    + ["Proxy-Connection", "proxy_foo"],
)
def test_a_header_of_the_connection_is_refused_in_any_spelling(name: str) -> None:
    with pytest.raises(ValueError, match=f"A job may not set {name},"):
        check_name(name)


@pytest.mark.parametrize(
    ("value", "sent"),
    [("a b", "a b"), (" \ta\t ", "a"), ("a\tb", "a\tb"), ("é", "é"), ("", ""), ("\xa0", "\xa0")],
    ids=["space", "margins", "tab", "Latin-1", "empty", "no-break space"],
)
def test_a_value_is_sent_without_its_margins(value: str, sent: str) -> None:
    assert check_value(value) == sent


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "a\0", "\x7f", "\x85", "\x1b[2J", "a\n"])
def test_a_value_with_control_characters_is_refused_and_never_quoted(value: str) -> None:
    with pytest.raises(ValueError, match="must be one line") as caught:
        check_value(f"secret{value}")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"), [("secret €", "Latin-1"), (f"secret {MASK}", "write the actual value"), (MASK, "hidden value")]
)
def test_a_value_that_cannot_be_sent_is_refused_and_never_quoted(value: str, text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        check_value(value)
    assert "secret" not in str(caught.value)


@settings(max_examples=60)
@given(st.text(max_size=12))
def test_an_accepted_value_can_be_put_on_one_line_of_a_request(value: str) -> None:
    try:
        sent = check_value(value).encode("latin-1")
    except ValueError:
        return
    assert b"\r" not in sent and b"\n" not in sent and b"\0" not in sent


@pytest.mark.parametrize(("n_bytes", "is_accepted"), [(MAX_HEADER_BYTES, True), (MAX_HEADER_BYTES + 1, False)])
def test_the_headers_together_have_a_limit(n_bytes: int, is_accepted: bool) -> None:
    headers = {"A": "x" * 100, "B": ""}
    headers["B"] = "y" * (n_bytes - sum(len(name) + len(value) + 4 for name, value in headers.items()))

    if is_accepted:
        assert check_all(headers) is headers
    else:
        with pytest.raises(ValueError, match="longer than 16 KiB"):
            check_all(headers)


@pytest.mark.parametrize("names", [("X-Id", "x-id"), ("X-Id", "X_Id"), ("A", "B", "a")], ids=str)
def test_two_names_of_one_header_are_refused_with_both_names(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"{names[0]} and {names[-1]} are the same header"):
        check_all(dict.fromkeys(names, "1"))


@pytest.mark.parametrize("name", CREDENTIALS)
def test_the_value_of_a_credential_is_hidden(name: str) -> None:
    assert is_sensitive(name)
    assert masked({name: "secret", "Accept": "text/plain"}) == {name: MASK, "Accept": "text/plain"}


@pytest.mark.parametrize("name", HARMLESS)
def test_the_value_of_a_harmless_header_is_shown(name: str) -> None:
    assert not is_sensitive(name)
    assert masked({name: "shown"}) == {name: "shown"}


def test_a_masked_header_cannot_be_saved() -> None:
    for value in masked({"Authorization": "Bearer x"}).values():
        with pytest.raises(ValueError, match="write the actual value"):
            check_value(value)


def test_a_redirect_to_another_origin_takes_only_harmless_headers() -> None:
    headers = dict.fromkeys([*CREDENTIALS, *HARMLESS], "x")

    assert list(for_another_origin(headers)) == HARMLESS


@settings(max_examples=60)
@given(st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,20}\Z"))
def test_a_header_of_any_unknown_name_is_treated_as_a_credential(name: str) -> None:
    assert is_sensitive(f"{name}-x") and is_sensitive_in_response(f"{name}-x")


@pytest.mark.parametrize("name", ["Set-Cookie", "X-Csrf", "X-Session", "WWW-Authenticate", "X-Anything", "Link"])
def test_an_unknown_response_header_is_hidden(name: str) -> None:
    assert is_sensitive_in_response(name)


@pytest.mark.parametrize("name", ["Content-Type", "ETAG", "Retry-After", "Location", "RateLimit-Reset", "X-Request-Id"])
def test_a_harmless_response_header_is_shown(name: str) -> None:
    assert not is_sensitive_in_response(name)


def test_a_request_without_its_body_has_no_header_that_describes_one() -> None:
    headers = dict.fromkeys(["Content-Type", "content_encoding", "CONTENT-LANGUAGE", "Content-Location", "Accept"], "x")

    assert without_body(headers) == {"Accept": "x"}


@pytest.mark.parametrize(("name", "folded"), [("X_Api_Key", "x-api-key"), ("ACCEPT", "accept"), ("a-b_c", "a-b-c")])
def test_names_are_compared_as_servers_compare_them(name: str, folded: str) -> None:
    assert fold(name) == folded
