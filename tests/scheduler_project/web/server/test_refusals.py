"""Proves that a request which gunicorn refuses gets a problem document from the API, and a page elsewhere."""

from __future__ import annotations

import json
from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.web_process import WebProcess, running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.long

SITE = """
def app(environ, start_response):
    if "fail" in environ["PATH_INFO"]:
        raise RuntimeError("a secret detail")
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""
REFUSED = {
    "long target": (b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "URL is too long"),
    "long header": (b"GET %b HTTP/1.1\r\nX-A: " + b"x" * 9000 + b"\r\n\r\n", 431, "headers are too large"),
    "many headers": (b"GET %b HTTP/1.1\r\n" + b"X-A: b\r\n" * 200 + b"\r\n", 431, "headers are too large"),
    "endless head": (b"GET %b HTTP/1.1\r\n" + b"X-A: b\r\n" * 9000, 431, "headers are too large"),
    "method": (b"get %b HTTP/1.1\r\n\r\n", 400, "The method"),
    "version": (b"GET %b HTTP/3.0\r\n\r\n", 400, "version"),
    "spaces": (b"GET  %b HTTP/1.1\r\n\r\n", 400, "request line"),
    "header name": (b"GET %b HTTP/1.1\r\nX A: b\r\n\r\n", 400, "A header cannot be read"),
    "two hosts": (b"GET %b HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "header Host"),
    "expectation": (b"GET %b HTTP/1.1\r\nExpect: <x>\r\n\r\n", 417, "header Expect"),
    "coding": (b"POST %b HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", 501, "coding"),
    "coding of a chunked body": (
        b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "coding",
    ),
    "two codings": (
        b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n",
        501,
        "coding",
    ),
    "no colon": (b"GET %b HTTP/1.1\r\nAuthorization Bearer ms_a_topsecret\r\n\r\n", 400, "A header cannot be read"),
    "name": (b"GET %b HTTP/1.1\r\nBearer ms_a_topsecret: \r\n\r\n", 400, "A header cannot be read"),
    "folding": (b"GET %b HTTP/1.1\r\nX-A: a\r\n ms_a_topsecret\r\n\r\n", 400, "A header cannot be read"),
    "no host": (b"GET %b HTTP/1.1\r\n\r\n", 400, "Host is missing"),
    "bare LF": (b"GET %b HTTP/1.1\nHost: localhost\n\n", 400, "CR and LF"),
    "chunks": (
        b"POST %b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
        400,
        "The chunked body",
    ),
    "large body": (b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413, "8388608 bytes"),
    "failure": (b"GET %b/fail HTTP/1.1\r\nHost: localhost\r\n\r\n", 500, "was logged"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    folder = tmp_path_factory.mktemp("site")
    (folder / "own_site.py").write_text(SITE)
    with running(folder, "own_site:app", "workers = 1\n") as site:
        yield site


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_has_the_form_of_its_url(site: WebProcess, name: str) -> None:
    text, status, detail = REFUSED[name]
    end = b"?a=" + b"x" * 9000 if name == "long target" else b""

    problem = site.ask(text.replace(b"%b", b"/api/v1/jobs" + end))
    page = site.ask(text.replace(b"%b", b"/admin/" + end))
    assert (problem.status, problem.headers["content-type"]) == (status, "application/problem+json")
    body = json.loads(problem.body)
    assert body["status"] == status
    assert detail in body["detail"]
    assert (page.status, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert detail in unescape(page.body.decode())
    assert b"<x>" not in page.body and b"secret" not in page.body + problem.body
    assert b"topsecret" not in site.log.read_bytes()
    phrase = "Not Implemented" if status == 501 else ""
    assert phrase in problem.raw.decode().partition("\r\n")[0]
    for answer in (problem, page):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["connection"] == "close"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("name", ["no host", "bare LF", "folding", "failure"])
@pytest.mark.parametrize("path", [b"/api/v1/jobs", b"/admin/"])
def test_a_refused_head_gets_no_body(site: WebProcess, name: str, path: bytes) -> None:
    text, status, _ = REFUSED[name]
    raw = site.ask(text.replace(b"GET ", b"HEAD ").replace(b"%b", path)).raw
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode() and b"Content-Length: " in head
    assert not body
