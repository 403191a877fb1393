"""Proves the code and the sentence for each error of an exchange, and which errors no retry can help."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from executions.targets.http.failures import (
    EXPECTED,
    MAX_CAUSE_LENGTH,
    AddressDenied,
    Code,
    InvalidResponse,
    NameNotResolved,
    TooManyRedirects,
    explain,
)
from executions.targets.http.redaction.secrets import Secrets

if TYPE_CHECKING:
    from executions.targets.http.failures import Explanation

HOST = "example.org"


def explained(error: Exception, *, connected: bool = True) -> Explanation:
    return explain(error, HOST, 8080, connected=connected)


def certificate_error(message: str = "self-signed certificate") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL] {reason} (_ssl.c:1000)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "code", "text", "permanent"),
    [
        (AddressDenied("10.0.0.1 is private"), Code.ADDRESS_DENIED, "may not be called: 10.0.0.1 is private.", True),
        (NameNotResolved("no address"), Code.DNS_FAILED, "could not be resolved: no address.", False),
        (TooManyRedirects("More than 5 redirects."), Code.TOO_MANY_REDIRECTS, "More than 5 redirects.", True),
        (InvalidResponse("its length is wrong"), Code.INVALID_RESPONSE, "can't be read: its length is wrong.", False),
        (
            TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
            Code.CONNECTION_FAILED,
            "broke: the server can't be reached any more.",
            False,
        ),
        (TimeoutError(), Code.TIMED_OUT, "sent nothing for longer than the read timeout.", False),
        (certificate_error(), Code.TLS_FAILED, "is not trusted: self-signed certificate.", True),
        (ssl.SSLEOFError(8, "EOF"), Code.CONNECTION_FAILED, "closed the connection.", False),
        (ssl.SSLZeroReturnError(6, "closed"), Code.CONNECTION_FAILED, "closed the connection.", False),
        (tls_error("NO_PROTOCOLS"), Code.TLS_FAILED, "TLS with example.org failed: NO_PROTOCOLS.", False),
        (http.client.RemoteDisconnected("x"), Code.CONNECTION_FAILED, "connection without a response.", False),
        (http.client.IncompleteRead(b"x", 9), Code.CONNECTION_FAILED, "in the middle of its response.", False),
        (
            ConnectionResetError(104, "Connection reset by peer"),
            Code.CONNECTION_FAILED,
            "broke: Connection reset",
            False,
        ),
    ],
    ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
)
def test_each_error_has_its_code_and_its_sentence(error: Exception, code: Code, text: str, permanent: bool) -> None:
    found = explained(error)

    assert (found.code, found.permanent) == (code, permanent)
    assert text in found.message
    assert found.message.endswith(".") and not found.message.endswith("..")


@pytest.mark.parametrize(
    "error",
    [
        certificate_error("Hostname mismatch, certificate is not valid for 'localhost'."),
        tls_error("It failed."),
        NameNotResolved("It failed."),
        InvalidResponse("It failed."),
        OSError(1, "It failed."),
        OSError("It failed."),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("connected", [False, True])
def test_a_quoted_sentence_does_not_add_a_second_full_stop(error: Exception, connected: bool) -> None:
    message = explained(error, connected=connected).message
    assert message.endswith((" failed.", "'localhost'."))


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        (TimeoutError(), "was not open within the connect timeout", "sent nothing for longer than the read timeout"),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "No connection to example.org, port 8080: Connection refused",
            "The connection to example.org broke",
        ),
        (OSError(), "No connection to example.org, port 8080: OSError", "broke: OSError"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known", "Name or service not known"),
    ],
    ids=["timeout", "refused", "without text", "name"],
)
def test_an_error_before_the_connection_is_told_apart(error: Exception, before: str, after: str) -> None:
    assert before in explained(error, connected=False).message
    assert after in explained(error, connected=True).message


def test_a_quoted_response_is_cut_to_one_short_line() -> None:
    message = explained(InvalidResponse("a\n" * 5000)).message

    assert "\n" not in message
    assert len(message) < MAX_CAUSE_LENGTH + 100


def test_a_secret_is_hidden_before_a_quoted_response_is_cut() -> None:
    text = f"{'x' * (MAX_CAUSE_LENGTH - 3)}s3cret-token"
    hide = Secrets({"X-Token": "s3cret-token"}).hide_start
    found = explain(InvalidResponse(text), HOST, 80, connected=True, hide=hide)

    assert "s3c" not in found.message


def test_any_other_error_of_the_library_is_named_by_its_class() -> None:
    message = explained(http.client.InvalidURL("/?token=s3cret")).message

    assert "InvalidURL" in message and "s3cret" not in message


def test_errors_of_the_code_itself_are_not_expected() -> None:
    for bug in (TypeError(), KeyError(), AttributeError(), ValueError(), AssertionError()):
        assert not isinstance(bug, EXPECTED)
