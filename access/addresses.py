"""The address that a request comes from."""

from __future__ import annotations

import re
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

import structlog
from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

log = structlog.get_logger(__name__)

# Some proxies add the client's port: 192.0.2.1:5678 or [2001:db8::1]:5678.
_ADDRESS = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[\d.]+):\d+")


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address; empty if the request came over a Unix socket.

    Behind a proxy (MAINSPRING_BEHIND_PROXY) it is the last address in X-Forwarded-For, which the proxy has added: the
    addresses before it are the client's own claims.
    """
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        found = _ADDRESS.fullmatch(forwarded)
        try:
            address = str(ip_address((found["v6"] or found["v4"]) if found else forwarded))
        except ValueError:
            _warn_once()
        else:
            return address.partition("%")[0]  # the zone of an IPv6 address may be any text of any length
    return str(request.META.get("REMOTE_ADDR", ""))


@cache
def _warn_once() -> None:
    """Log, once for each process, that the proxy names no client."""
    log.warning(
        "client_unknown",
        action="forward",
        hint="MAINSPRING_BEHIND_PROXY is true, but the last entry of X-Forwarded-For is no IP address. So all clients "
        "count as one, for example for the delay after failed sign-ins. Let the proxy add each client's address.",
    )
