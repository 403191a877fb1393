"""Proves that nothing of an attempt's outcome contains a secret that the server echoes, wherever the server puts it."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import socket
from typing import TYPE_CHECKING, Any

import pytest

from executions.targets.base import Failed, Outcome, RetryAt, Succeeded
from tests.executions.targets.http.sending import allowed, result_of, send
from tests.raw_server import raw_server, then_close

if TYPE_CHECKING:
    from pytest_django import Settings

SECRET = "s3cret/token+1"
HEADERS = {
    "Authorization": f"Bearer {SECRET}",
    "X-Passphrase": SECRET,
    "Cookie": f"theme=dark; sid={SECRET}",
    "X-Login": "Basic " + base64.b64encode(f"robot:{SECRET}".encode()).decode(),
}


def response(line: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


ECHOES: dict[str, tuple[bytes, type[Outcome]]] = {
    "body": (response("200 OK", body=f'{{"token": "{SECRET}"}}'.encode()), Succeeded),
    "body of a failure": (response("404 Not Found", body=f"<b>{SECRET}</b>".encode()), Failed),
    "compressed body": (response("200 OK", "Content-Encoding: gzip", body=gzip.compress(SECRET.encode())), Succeeded),
    "reason": (response(f"500 bad {SECRET}"), Failed),
    "reason, cut": (response(f"500 {'x' * 95}{SECRET}"), Failed),
    "reason of a retry": (response(f"503 {SECRET}", "Retry-After: 5"), RetryAt),
    "harmless header": (response("200 OK", f"Server: {SECRET}"), Succeeded),
    "unknown header": (response("200 OK", f"X-Echo: {SECRET}"), Succeeded),
    "name of a header": (response("200 OK", "X-S3cret_token: 1", body=b""), Succeeded),
    "location": (response("302 Found", f"Location: /x/{SECRET}?t={SECRET}"), Failed),
    "status line": (f"HTTP/9 {SECRET}\r\n\r\n".encode(), Failed),
    "no HTTP": (f"220 hello {SECRET}\r\n\r\n".encode(), Failed),
    "lines that are no headers": (f"HTTP/1.1 200 OK\r\nno header {SECRET}\r\n{SECRET}\r\n\r\n".encode(), Succeeded),
    "content encoding": (response("200 OK", f"Content-Encoding: gzip, {SECRET}", body=b"x"), Failed),
    "length": (response("200 OK", f"Content-Length: {SECRET}"), Failed),
    "chunk size": (f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(), Failed),
}


def shown(outcome: Outcome) -> str:
    return repr(dataclasses.asdict(outcome)).lower()


@allowed
@pytest.mark.parametrize(("answer", "kind"), ECHOES.values(), ids=ECHOES)
def test_an_echoed_secret_is_nowhere_in_the_outcome(answer: bytes, kind: type[Outcome]) -> None:
    with raw_server(then_close(answer)) as server:
        outcome = send(server.url(), headers=HEADERS)
        assert SECRET in server.headers()["x-passphrase"]
    assert isinstance(outcome, kind), outcome
    assert "s3cret/" not in shown(outcome)


@allowed
@pytest.mark.parametrize(
    "location",
    [
        "/next?code={}",
        "/next/{}",
        "http://{}.invalid/",
        "ftp://{}/",
        "http://user:{}@127.0.0.1/",
        "http://127.0.0.1:{}/",
    ],
)
def test_a_secret_in_a_redirect_is_followed_and_not_stored(location: str) -> None:
    echoed = response("302 Found", f"Location: {location.format('s3cret-token')}")
    with raw_server(echoed, response("200 OK")) as server:
        outcome = send(server.url(), headers={"X-Key": "s3cret-token"}, follow_redirects=True)
        if location.startswith("/next"):
            assert "s3cret-token" in server.request_lines[1]
    assert "s3cret" not in shown(outcome)


@allowed
def test_a_secret_in_the_name_of_an_unknown_host_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".example"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with raw_server(response("302 Found", "Location: http://S3cret-Token.example/")) as server:
        outcome = send(server.url(), headers={"X-Key": "S3cret-Token"}, follow_redirects=True)
    assert isinstance(outcome, Failed) and outcome.code == "dns_failed"
    assert "s3cret" not in shown(outcome)


@allowed
@pytest.mark.parametrize("n_kept", range(1, len(SECRET) + 1))
def test_a_secret_that_the_limit_of_the_body_divides_is_hidden(n_kept: int, settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_body_bytes=5 + n_kept)
    with raw_server(response("200 OK", body=b"seen " + SECRET.encode() + b" and more")) as server:
        outcome = send(server.url(), headers={"X-Passphrase": SECRET})
    kept = result_of(outcome)["response"]
    assert kept["truncated"]
    assert kept["body"] == ("seen ••••" if n_kept >= 3 else f"seen {SECRET[:n_kept]}")


@allowed
def test_a_harmless_header_may_be_echoed() -> None:
    with raw_server(response("200 OK", body=b"text/special robot-7")) as server:
        outcome = send(server.url(), headers={"Accept": "text/special", "User-Agent": "robot-7"})
    assert result_of(outcome)["response"]["body"] == "text/special robot-7"
