"""The network that an IP address belongs to, to count what comes from it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

IPV6_SITE = 64  # bits of an IPv6 address that name one network; its owner can use every address in it


def network_of(address: str) -> str:
    """Return an IPv4 address itself, the /64 network of an IPv6 address, and an empty text for any other text.

    A server that listens on an IPv6 socket sees IPv4 clients as `::ffff:192.0.2.1`: each counts for itself.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    found = getattr(found, "ipv4_mapped", None) or found
    return str(found) if found.version == 4 else str(ip_network((found, IPV6_SITE), strict=False))
