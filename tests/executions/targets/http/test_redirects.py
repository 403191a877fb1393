"""Proves that a redirect changes method, body and headers as browsers do, and drops credentials across origins."""

from __future__ import annotations

import pytest

from executions.targets.http.exchange import Request
from executions.targets.http.failures import InvalidResponse
from executions.targets.http.redirects import next_request
from executions.targets.http.response import Response
from executions.targets.http.urls import parse_http_url

HEADERS = {"Authorization": "Bearer x", "X-Api-Key": "y", "Content-Type": "application/json", "X-Request-Id": "1"}


def followed(method: str, status: int, location: str = "/next", origin: str = "https://e.com/a") -> Request:
    request = Request(method, parse_http_url(origin), HEADERS, None if method in ("GET", "HEAD") else b"{}")
    following = next_request(request, Response(status, "", [("Location", location)]))
    assert following is not None
    return following


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
        (301, "GET", "GET"),
        (302, "HEAD", "HEAD"),
    ],
)
def test_method_and_body_change_as_in_a_browser(status: int, method: str, becomes: str) -> None:
    following = followed(method, status)
    assert following.method == becomes
    assert (following.body is None) == (becomes in ("GET", "HEAD"))
    if following.body is None and method not in ("GET", "HEAD"):
        assert "Content-Type" not in following.headers


@pytest.mark.parametrize("location", ["http://e.com/", "https://e.com:444/", "https://other.com/", "//www.e.com/"])
def test_credentials_are_dropped_when_the_origin_changes(location: str) -> None:
    assert followed("POST", 307, location).headers == {"Content-Type": "application/json", "X-Request-Id": "1"}


@pytest.mark.parametrize("location", ["/x", "https://e.com:443/x", "https://E.com/x"])
def test_credentials_are_sent_to_the_same_origin(location: str) -> None:
    assert followed("POST", 307, location).headers == HEADERS


@pytest.mark.parametrize(
    "response",
    [Response(200, "", [("Location", "/x")]), Response(302, "", []), Response(304, "", [("Location", "/x")])],
)
def test_other_responses_are_no_redirects(response: Response) -> None:
    assert next_request(Request("GET", parse_http_url("https://e.com/"), {}, None), response) is None


def test_a_redirect_to_another_scheme_is_an_invalid_response() -> None:
    with pytest.raises(InvalidResponse):
        followed("GET", 302, "file:///etc/passwd")
