"""How each kind of target looks on a run's page."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING, Any

import pytest
from django.template.loader import get_template

from executions.admin.targets import LOOKS, target_words
from executions.targets.http.target import HttpTarget
from executions.targets.registry import TARGETS
from tests.target_context import RecordingContext
from tests.valid_targets import parse

if TYPE_CHECKING:
    from pytest_django import Settings


def test_every_kind_has_its_look() -> None:
    assert set(LOOKS) == set(TARGETS)
    for look in LOOKS.values():
        get_template(look.template)
        assert look.result(None) is None
        assert len(look.words({})) == 2


def test_a_target_in_short() -> None:
    assert target_words("http", {"method": "PUT", "url": "https://example.org"}) == ("PUT", "https://example.org")
    assert target_words("command", {"name": "demo.echo"}) == ("command", "demo.echo")


def test_of_a_refused_connection_only_what_happened_is_shown(settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_allow_private_networks=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        target = {"kind": "http", "method": "POST", "url": f"http://127.0.0.1:{taken.getsockname()[1]}/report"}
        outcome = HttpTarget().execute(parse(target, {"day": "today"}), {"day": "today"}, RecordingContext())
    exchange: Any = LOOKS["http"].result(outcome.result)
    assert (exchange.request, exchange.sent, exchange.status) == (f"POST {target['url']}", "", "No answer")
    assert exchange.phases == [] and exchange.size == ""


@pytest.mark.parametrize(
    ("url", "timings", "is_sent"),
    [
        ("http://example.org", {"connect": 1.5}, True),
        ("https://example.org", {"connect": 1.5}, False),  # TLS failed
        ("https://example.org", {"connect": 1.5, "tls": 2.0}, True),
    ],
)
def test_a_body_is_told_of_once_it_could_be_sent(url: str, timings: dict[str, float], is_sent: bool) -> None:
    request = {"method": "POST", "url": url, "n_body_bytes": 1500}
    exchange: Any = LOOKS["http"].result({"request": request, "timings_ms": timings})
    assert exchange.sent == ("with a body of 1,500 bytes" if is_sent else "")


def test_phases_that_took_no_time_are_left_out_and_the_others_fill_the_bar() -> None:
    timings = {"dns": 0.0, "connect": 10.0, "tls": 0.0, "first_byte": 30.0, "total": 50.0}
    exchange: Any = LOOKS["http"].result({"request": {}, "response": {"status": 200}, "timings_ms": timings})
    assert [(phase.name, phase.took, phase.start, phase.width) for phase in exchange.phases] == [
        ("connect", "10 ms", 0.0, 20.0),
        ("first_byte", "30 ms", 20.0, 60.0),
        ("rest", "10 ms", 80.0, 20.0),
    ]


def test_what_came_before_a_failure_is_shown_as_such() -> None:
    exchange: Any = LOOKS["http"].result({"request": {}, "response": None, "timings_ms": {"dns": 5.0, "total": 20.0}})
    assert [(phase.label, phase.took) for phase in exchange.phases] == [
        ("Name look-up", "5 ms"),
        ("Until it failed", "15 ms"),
    ]
