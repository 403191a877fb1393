"""Proves where each denied range of addresses ends, and that an IPv4 address inside an IPv6 address is found."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.targets.http.addresses import EgressPolicy, deny_reason

PUBLIC_ONLY, PRIVATE_TOO = EgressPolicy(), EgressPolicy(allow_private=True)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("0.255.255.255", "1.0.0.0"),
        ("10.255.255.255", "11.0.0.0"),
        ("100.64.0.0", "100.63.255.255"),
        ("100.127.255.255", "100.128.0.0"),
        ("127.0.0.1", "128.0.0.1"),
        ("169.254.169.254", "169.253.255.255"),
        ("172.16.0.0", "172.15.255.255"),
        ("172.31.255.255", "172.32.0.0"),
        ("192.168.0.1", "192.167.255.255"),
        ("224.0.0.1", "223.255.255.255"),
        ("168.63.129.16", "168.63.129.17"),
        ("fe80::1", "2606:4700::1"),
        ("fd00::1", "2a00:1450::1"),
        ("2001:db8::1", "2001:db9::1"),
    ],
)
def test_a_denied_range_ends_where_it_should(inside: str, outside: str) -> None:
    assert deny_reason(inside, PUBLIC_ONLY)
    assert deny_reason(outside, PUBLIC_ONLY) is None


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "172.20.0.1", "::1", "fd12::1"])
def test_a_private_address_is_denied_with_the_setting_that_allows_it(address: str) -> None:
    reason = deny_reason(address, PUBLIC_ONLY)

    assert reason is not None and "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS=true" in reason
    assert deny_reason(address, PRIVATE_TOO) is None


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "100.100.100.200", "0.0.0.0", "255.255.255.255", "fe80::1%eth0", "fd00:ec2::254", "::"],
)
def test_no_setting_is_named_for_an_address_that_none_allows(address: str) -> None:
    for policy in (PUBLIC_ONLY, PRIVATE_TOO):
        reason = deny_reason(address, policy)
        assert reason is not None and "MAINSPRING_HTTP_ALLOW_PRIVATE_NETWORKS" not in reason


@pytest.mark.parametrize("text", ["", "example.org", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0x7f.1", ":::", "1.2.3.4/8"])
def test_a_text_that_is_no_address_is_denied(text: str) -> None:
    assert deny_reason(text, PRIVATE_TOO) == f"{text} is not an IP address"


def forms_of(address: IPv4Address) -> list[str]:
    """Return IPv6 addresses that lead to an IPv4 address by mapping, translation or 6to4."""
    high, low = int(address) >> 16, int(address) & 0xFFFF
    return [
        f"fd12:3456::5efe:{address}",
        f"2606:4700::200:5efe:{address}",
        f"::ffff:0:{address}",
        f"::ffff:{address}",
        f"64:ff9b::{high:x}:{low:x}",
        f"64:ff9b:1::{high:x}:{low:x}",
        f"2002:{high:x}:{low:x}::1",
    ]


@settings(max_examples=60)
@given(st.sampled_from(["169.254.169.254", "100.100.100.200", "127.0.0.1", "10.1.2.3", "224.0.0.5", "0.1.2.3"]))
def test_a_denied_address_is_denied_in_every_form(text: str) -> None:
    for form in forms_of(IPv4Address(text)):
        assert deny_reason(form, PUBLIC_ONLY), form


@pytest.mark.parametrize("text", ["169.254.169.254", "100.100.100.200", "255.255.255.255"])
def test_the_setting_does_not_open_another_form_of_a_metadata_service(text: str) -> None:
    for form in forms_of(IPv4Address(text)):
        assert deny_reason(form, PRIVATE_TOO), form


def test_a_mapped_public_address_is_allowed() -> None:
    assert deny_reason("::ffff:93.184.216.34", PUBLIC_ONLY) is None


def translated(prefix: str, length: int, text: str, suffix: int) -> str:
    """Return the address in which a translator with a prefix of `length` bits reads an IPv4 address (RFC 6052, 2.2)."""
    if length == 96:
        return str(IPv6Address(int(IPv6Address(prefix)) | int(IPv4Address(text))))
    bits = f"{int(IPv6Address(prefix)):0128b}"[:length] + f"{int(IPv4Address(text)):032b}"
    bits = bits[:64] + "0" * 8 + bits[64:] if len(bits) > 64 else bits.ljust(72, "0")
    return str(IPv6Address(int(bits.ljust(128, "0"), 2) | suffix))


@pytest.mark.parametrize("length", [32, 40, 48, 56, 64, 96])
@pytest.mark.parametrize("prefix", ["2606:4700::", "fd12:3456::", "64:ff9b:1::"])
@pytest.mark.parametrize(
    "text", ["169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"]
)
def test_no_translator_leads_to_a_metadata_service(prefix: str, length: int, text: str) -> None:
    for suffix in (0, 0x08):
        for policy in (PUBLIC_ONLY, PRIVATE_TOO):
            assert deny_reason(translated(prefix, length, text, suffix), policy)


@pytest.mark.parametrize("length", [48, 56, 64, 96])
@pytest.mark.parametrize("text", ["169.254.1.1", "224.0.0.5", "255.255.255.255"])
def test_a_translator_of_the_local_network_leads_to_no_denied_address(length: int, text: str) -> None:
    assert deny_reason(translated("64:ff9b:1::", length, text, 0x08), PRIVATE_TOO)


@pytest.mark.parametrize(
    "address", ["64:ff9b:1::10.0.0.1", "64:ff9b::10.224.5.6", "fd12:3456::5efe:10.1.2.3", "fd00:43::1"]
)
def test_private_addresses_beside_the_denied_ones_stay_allowed(address: str) -> None:
    assert deny_reason(address, PRIVATE_TOO) is None
