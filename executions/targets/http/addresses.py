"""Pure: which addresses an HTTP target may connect to, under the operator's policy."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

SETTING = "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS"


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """The addresses that the operator allows. Requests under different policies never share a connection."""

    allow_private: bool = False


# Denied under every policy: addresses of this machine or its link, and services that return a machine's credentials.
_NEVER_V4 = [
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this host": Linux connects to itself
        "169.254.0.0/16",  # link-local, with the metadata service of most clouds
        "224.0.0.0/3",  # multicast, reserved and broadcast
        "100.100.100.200/32",  # metadata service of Alibaba Cloud
        "168.63.129.16/32",  # host agent of Azure, on a public address
        "192.0.0.192/32",  # metadata service of Oracle Cloud
    )
]
_NEVER_V6 = [
    ip_network(text)
    for text in (
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        # Metadata services inside the private range. `_METADATA_V4` finds those that end with their IPv4 address.
        "fd00:ec2::/32",  # AWS
        "fd20:ce::/32",  # Google Cloud
        "fd00:c1::/64",  # Oracle Cloud
        "fd00:42::/64",  # Scaleway
        "fd00:a9fe:a9fe::/64",  # Akamai (Linode)
        "fd00:100::100:200/128",  # Alibaba Cloud
        "2001::/32",  # Teredo: the caller chooses the IPv4 address at which the packet ends
    )
]
# Reserved by IANA for special purposes: no server of a job has such an address.
_SPECIAL_V4 = [ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24")]
_PUBLIC_V6 = ip_network("2000::/3")
_SPECIAL_V6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

# Metadata services and host agents. No translator may lead to one, and the prefix of a translator can't be known: any
# network may use its own (RFC 6052). So an IPv6 address that contains one of these at any place is denied.
_METADATA_V4 = frozenset(
    int(IPv4Address(text))
    for text in (
        "169.254.169.254",  # most clouds
        "169.254.169.253",  # AWS: name server
        "169.254.169.123",  # AWS: time
        "169.254.170.2",  # AWS: tasks of ECS
        "169.254.170.23",  # AWS: pods of EKS
        "169.254.169.255",  # Akamai (Linode)
        "169.254.42.42",  # Scaleway
        "169.254.0.23",  # Tencent Cloud
        "169.254.10.10",  # Tencent Cloud
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
    )
)
_TRANSLATED_LOCAL = ip_network("64:ff9b:1::/48")
# Prefixes of addresses whose last 32 bits are an IPv4 address.
_ENDING_WITH_V4 = [
    ip_network("64:ff9b::/96"),
    _TRANSLATED_LOCAL,
    ip_network("::/96"),  # IPv4-compatible
    ip_network("::ffff:0:0:0/96"),  # translated as in SIIT
]
_SIX_TO_FOUR = ip_network("2002::/16")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})  # before the last 32 bits, behind any prefix


def deny_reason(address: str, policy: EgressPolicy) -> str | None:
    """Return why the policy denies the numeric `address`, or None if the address is allowed.

    An IPv4-mapped IPv6 address is treated as its IPv4 address. If any other kind of IPv6 address contains an IPv4
    address, the policy must allow both addresses.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return f"{address} is not an IP address"
    if isinstance(parsed, IPv4Address):
        return _deny_v4(parsed, policy)
    if parsed.ipv4_mapped is not None:
        return _deny_v4(parsed.ipv4_mapped, policy)
    return _deny_v6(parsed, policy)


def _deny_v4(address: IPv4Address, policy: EgressPolicy) -> str | None:
    if any(address in network for network in _NEVER_V4):
        return f"{address} is a link-local, metadata, multicast or reserved address, which no job may call"
    if policy.allow_private:
        return None
    if not address.is_global or any(address in network for network in _SPECIAL_V4):
        return f"{address} is not a public address; the operator can allow private networks with {SETTING}=true"
    return None


def _deny_v6(address: IPv6Address, policy: EgressPolicy) -> str | None:
    if any(address in network for network in _NEVER_V6):
        return f"{address} is a link-local, metadata, multicast or reserved address, which no job may call"
    if any(found in _METADATA_V4 for found in _translated(address)):
        return f"{address} contains the IPv4 address of a metadata service, which no job may call"
    if address in _TRANSLATED_LOCAL and any(_is_never(found) for found in _translated(address)):
        return f"{address} contains a link-local, metadata, multicast or reserved address, which no job may call"
    inner = _contained_v4(address)
    if inner is not None and (reason := _deny_v4(inner, policy)):
        return f"{address} contains an IPv4 address: {reason}"
    if policy.allow_private:
        return None
    if address not in _PUBLIC_V6 or not address.is_global or any(address in network for network in _SPECIAL_V6):
        return f"{address} is not a public address; the operator can allow private networks with {SETTING}=true"
    return None


def _is_never(number: int) -> bool:
    # Numbers below 2**24 are no addresses here, but zeros beside the address.
    return number >= 2**24 and any(IPv4Address(number) in network for network in _NEVER_V4)


def _contained_v4(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address to which a translator or tunnel sends packets for `address`; None if there is none."""
    number = int(address)
    ends_with_v4 = any(address in network for network in _ENDING_WITH_V4) and number > 1
    if ends_with_v4 or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return IPv4Address(number & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address((number >> 80) & 0xFFFFFFFF)
    return None


def _translated(address: IPv6Address) -> list[int]:
    """Return the numbers at the places where a translator may read an IPv4 address (RFC 6052, 2.2).

    The places depend on the length of the translator's prefix. They leave out bits 64 to 71.
    """
    number = int(address)
    without_gap = (number >> 64) << 56 | number & (2**56 - 1)  # 120 bits
    return [
        number & 0xFFFFFFFF,
        *((without_gap >> (120 - 32 - length)) & 0xFFFFFFFF for length in (32, 40, 48, 56, 64)),
    ]
