"""The address that a request comes from."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Return the client's IP address; empty if the request came over a Unix socket.

    Behind a proxy (MAINSPRING_BEHIND_PROXY) it is the last address in X-Forwarded-For, which the proxy has added: the
    addresses before it are the client's own claims.
    """
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        try:
            return str(ip_address(forwarded))
        except ValueError:
            pass  # the proxy does not send the header
    return str(request.META.get("REMOTE_ADDR", ""))
