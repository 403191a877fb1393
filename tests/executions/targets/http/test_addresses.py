"""Proves that no notation of a private, link-local or metadata address passes the operator's policy."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.addresses import SETTING, EgressPolicy, deny_reason

PUBLIC_ONLY = EgressPolicy()
PRIVATE_TOO = EgressPolicy(allow_private=True)


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert deny_reason(address, PUBLIC_ONLY) is None
    assert deny_reason(address, PRIVATE_TOO) is None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "198.18.0.1", "192.0.0.8",
     "192.88.99.1", "192.0.2.1", "::1", "fc00::1", "fd12:3456::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b::8.8.8.8", "2002:7f00:1::", "2002:808:808::1",
     "2001:db8::1", "3fff::1", "2001:20::1", "100::1", "5f00::1"],
)  # fmt: skip
def test_private_and_special_addresses_are_denied_by_default(address: str) -> None:
    reason = deny_reason(address, PUBLIC_ONLY)
    assert reason is not None
    assert SETTING in reason


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fd12:3456::1", "64:ff9b::10.0.0.1", "100.64.0.1"])
def test_the_setting_allows_private_and_loopback_addresses(address: str) -> None:
    assert deny_reason(address, PRIVATE_TOO) is None


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
     "255.255.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192", "::", "fe80::1", "fe80::1%eth0", "fec0::1",
     "ff02::1", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fd00:c1::a9fe:a9fe",
     "fd00:a9fe:a9fe::1", "fd00:100::100:200", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:169.254.169.254",
     "::ffff:0.0.0.0", "64:ff9b::169.254.169.254", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254",
     "nonsense", ""],
)  # fmt: skip
@pytest.mark.parametrize("policy", [PUBLIC_ONLY, PRIVATE_TOO])
def test_link_local_metadata_and_multicast_are_denied_under_every_policy(address: str, policy: EgressPolicy) -> None:
    assert deny_reason(address, policy) is not None


@given(st.ip_addresses())
def test_every_address_that_python_calls_not_global_is_denied(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    unsafe = not address.is_global or address.is_multicast
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        unsafe = not mapped.is_global
    if unsafe:
        assert deny_reason(str(address), PUBLIC_ONLY) is not None


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_ipv6_address_is_denied_wherever_it_is_denied_alone(
    address: ipaddress.IPv4Address,
) -> None:
    for containing in (f"::ffff:{address}", f"64:ff9b::{address}", f"::{address}"):
        if deny_reason(str(address), PRIVATE_TOO) and int(address) > 1:
            assert deny_reason(containing, PRIVATE_TOO) is not None
