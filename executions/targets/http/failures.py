"""What can go wrong between here and the server, each as a stable code and a sentence."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from enum import StrEnum

from urllib3 import exceptions as urllib3


class Code(StrEnum):
    """The codes of an `http` target's failures. They are part of the public interface."""

    HTTP_STATUS = "http_status"
    TIMED_OUT = "timed_out"
    CONNECTION_FAILED = "connection_failed"
    ADDRESS_DENIED = "address_denied"
    TLS_FAILED = "tls_failed"
    DNS_FAILED = "dns_failed"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    INVALID_RESPONSE = "invalid_response"
    INVALID_REQUEST = "invalid_request"


class AddressDenied(Exception):
    """Every address of the host is one that the policy denies. The text says which and why."""


class NameNotResolved(Exception):
    """The host's name has no address, or the look-up failed. The text says why."""


class TooManyRedirects(Exception):
    """The chain of redirects went on past the limit."""


class InvalidResponse(Exception):
    """The answer can't be understood. The text says why."""


@dataclass(frozen=True, slots=True)
class Explanation:
    code: Code
    message: str
    permanent: bool = False


# What an exchange may raise besides CutOff. Anything else is a defect of ours.
EXPECTED = (
    OSError,
    http.client.HTTPException,
    urllib3.HTTPError,
    AddressDenied,
    NameNotResolved,
    TooManyRedirects,
    InvalidResponse,
)


def explain(error: Exception, host: str, *, connected: bool) -> Explanation:
    """Say what `error`, one of `EXPECTED`, means. `connected`: it came after the connection stood."""
    error = _innermost(error)
    match error:
        case AddressDenied():
            return Explanation(Code.ADDRESS_DENIED, f"{host} may not be reached: {error}.", permanent=True)
        case NameNotResolved():
            return Explanation(Code.DNS_FAILED, f"The name {host} could not be resolved: {error}.")
        case TooManyRedirects():
            return Explanation(Code.TOO_MANY_REDIRECTS, str(error), permanent=True)
        case InvalidResponse() | urllib3.DecodeError():
            text = str(error) if isinstance(error, InvalidResponse) else "its compression is broken"
            return Explanation(Code.INVALID_RESPONSE, f"The answer of {host} can't be understood: {text}.")
        case TimeoutError() | urllib3.ReadTimeoutError() if connected:
            return Explanation(Code.TIMED_OUT, f"{host} fell silent for longer than the read timeout.")
        case TimeoutError():
            return Explanation(Code.TIMED_OUT, f"No connection to {host} stood within the connect timeout.")
        case ssl.SSLCertVerificationError():
            return Explanation(
                Code.TLS_FAILED, f"The certificate of {host} is not trusted: {error.verify_message}.", permanent=True
            )
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Explanation(Code.CONNECTION_FAILED, f"{host} closed the connection.")
        case ssl.SSLError():
            return Explanation(Code.TLS_FAILED, f"TLS with {host} failed: {error.reason or error}.")
    return _explain_break(error, host, connected=connected)


def _explain_break(error: Exception, host: str, *, connected: bool) -> Explanation:
    match error:
        case http.client.RemoteDisconnected():
            return Explanation(Code.CONNECTION_FAILED, f"{host} closed the connection without an answer.")
        case http.client.IncompleteRead() | urllib3.IncompleteRead():
            return Explanation(Code.CONNECTION_FAILED, f"{host} broke off in the middle of its answer.")
        case OSError() if connected:
            return Explanation(Code.CONNECTION_FAILED, f"The connection to {host} broke: {_reason(error)}.")
        case OSError():
            return Explanation(Code.CONNECTION_FAILED, f"No connection to {host}: {_reason(error)}.")
        case http.client.LineTooLong():
            return Explanation(
                Code.INVALID_RESPONSE, f"The answer of {host} has a line of more than 64 KB among its headers."
            )
        case _:
            text = " ".join(str(error).split())[:200] or type(error).__name__
            return Explanation(Code.INVALID_RESPONSE, f"The answer of {host} can't be understood as HTTP: {text}.")


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _innermost(error: Exception) -> Exception:
    """urllib3 wraps what http.client, ssl and the socket raise while a body is read."""
    while isinstance(error, urllib3.ProtocolError | urllib3.SSLError):
        inner = next((part for part in reversed(error.args) if isinstance(part, Exception)), error.__cause__)
        if not isinstance(inner, Exception):
            break
        error = inner
    return error
