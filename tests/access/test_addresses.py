"""Proves from which header the address of a client is taken, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import RequestFactory
from structlog.testing import capture_logs

from access import addresses
from access.addresses import client_address

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, 2001:DB8::1", "2001:db8::1"),
        ("203.0.113.9:5678", "203.0.113.9"),
        ("[2001:db8::1]:5678", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%any text]:5678", "fe80::1"),
        ("203.0.113.9%eth0", "192.0.2.1"),
        ("[203.0.113.9]x", "192.0.2.1"),
        ("[]", "192.0.2.1"),
        ("1.2.3:80", "192.0.2.1"),
        ("unknown", "192.0.2.1"),
        ("nonsense", "192.0.2.1"),
        ("203.0.113.9,", "192.0.2.1"),
        ("", "192.0.2.1"),
        (None, "192.0.2.1"),
    ],
)
def test_behind_a_proxy_the_last_forwarded_address_counts(
    settings: Settings, forwarded: str | None, address: str
) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1")
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    settings.BEHIND_PROXY = True
    assert client_address(request) == address
    settings.BEHIND_PROXY = False
    assert client_address(request) == "192.0.2.1"


def test_a_proxy_that_names_no_client_is_logged_once(settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    addresses._warn_once.cache_clear()
    with capture_logs() as lines:
        for forwarded in ("203.0.113.9", "unknown", ""):
            client_address(RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}))
    assert [(line["event"], line["log_level"]) for line in lines] == [("client_unknown", "warning")]


def test_a_request_over_a_unix_socket_has_no_address() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == ""
