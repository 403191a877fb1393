"""Turns the exception of a failed exchange into a stable code, a sentence, and whether the failure is permanent."""

from __future__ import annotations

import errno
import http.client
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from executions.targets import base


class Code(StrEnum):
    """The error codes of an `http` target. The codes are stored and public: see docs/targets/http.md."""

    HTTP_STATUS = "http_status"
    TIMED_OUT = base.TIMED_OUT
    CONNECTION_FAILED = "connection_failed"
    ADDRESS_DENIED = "address_denied"
    TLS_FAILED = "tls_failed"
    DNS_FAILED = "dns_failed"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    INVALID_RESPONSE = "invalid_response"
    INVALID_REQUEST = "invalid_request"


class AddressDenied(Exception):
    """The policy denies every address of the host. The text gives the reason for one of the addresses."""


class NameNotResolved(Exception):
    """The host name has no address, or its look-up failed. The text says why."""


class TooManyRedirects(Exception):
    """The server redirected more often than is allowed."""


class InvalidResponse(Exception):
    """The response can't be used, for example because its headers are too long.

    The text completes the error "The response of X can't be read: ...".
    """


@dataclass(frozen=True, slots=True)
class Explanation:
    code: Code
    message: str
    permanent: bool = False


MAX_CAUSE_LENGTH = 200  # characters of a message that quotes a response

# What `exchange` may raise besides CutOff. Any other exception is a bug in Mainspring.
EXPECTED = (
    OSError,
    http.client.HTTPException,
    AddressDenied,
    NameNotResolved,
    TooManyRedirects,
    InvalidResponse,
)


def _start(text: str, n_kept: int) -> str:
    return text[:n_kept]


def explain(
    error: Exception, host: str, port: int, *, connected: bool, hide: Callable[[str, int], str] = _start
) -> Explanation:
    """Return the explanation of an error whose class is in `EXPECTED`.

    `connected`: the error occurred after the connection was open. `hide` returns the start of a text of the server
    without secrets; its second argument is the number of characters.
    """
    match error:
        case AddressDenied():
            return Explanation(Code.ADDRESS_DENIED, f"{host} may not be called: {error}.", permanent=True)
        case NameNotResolved():
            return Explanation(Code.DNS_FAILED, f"The name {host} could not be resolved: {_quoted(error)}.")
        case TooManyRedirects():
            return Explanation(Code.TOO_MANY_REDIRECTS, str(error), permanent=True)
        case InvalidResponse():
            text = " ".join(hide(str(error), 4 * MAX_CAUSE_LENGTH).split())[:MAX_CAUSE_LENGTH]
            return Explanation(Code.INVALID_RESPONSE, f"The response of {host} can't be read: {_quoted(text)}.")
        case TimeoutError(errno=errno.ETIMEDOUT) if connected:
            return Explanation(
                Code.CONNECTION_FAILED, f"The connection to {host} broke: the server can't be reached any more."
            )
        case TimeoutError() if connected:
            return Explanation(Code.TIMED_OUT, f"{host} sent nothing for longer than the read timeout.")
        case TimeoutError():
            return Explanation(Code.TIMED_OUT, f"The connection to {host} was not open within the connect timeout.")
        case ssl.SSLCertVerificationError():
            why = _quoted(error.verify_message)
            return Explanation(Code.TLS_FAILED, f"The certificate of {host} is not trusted: {why}.", permanent=True)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Explanation(Code.CONNECTION_FAILED, f"{host} closed the connection.")
        case ssl.SSLError():
            return Explanation(Code.TLS_FAILED, f"TLS with {host} failed: {_quoted(error.reason or error)}.")
    return _explain_disconnect(error, host, port, connected=connected)


def _explain_disconnect(error: Exception, host: str, port: int, *, connected: bool) -> Explanation:
    match error:
        case http.client.RemoteDisconnected():
            return Explanation(Code.CONNECTION_FAILED, f"{host} closed the connection without a response.")
        case http.client.IncompleteRead():
            return Explanation(Code.CONNECTION_FAILED, f"{host} closed the connection in the middle of its response.")
        case OSError() if connected:
            return Explanation(Code.CONNECTION_FAILED, f"The connection to {host} broke: {_reason(error)}.")
        case OSError():
            return Explanation(Code.CONNECTION_FAILED, f"No connection to {host}, port {port}: {_reason(error)}.")
        case _:
            return Explanation(Code.INVALID_RESPONSE, f"The exchange with {host} failed: {type(error).__name__}.")


def _reason(error: OSError) -> str:
    return _quoted(error.strerror or error) or type(error).__name__


def _quoted(text: object) -> str:
    """Return the text of a library or a server without a full stop at its end: the sentence that quotes it has one."""
    return str(text).rstrip(".")
