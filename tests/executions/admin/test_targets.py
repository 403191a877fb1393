"""Proves how each kind of target is shown on the pages of runs and jobs, with and without a look of its own."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING, Any, Literal

import pytest
from django.template.loader import get_template

from executions.admin.targets import LOOKS, look_of, target_words
from executions.targets.base import TargetConfig
from executions.targets.http.target import HttpTarget
from executions.targets.registry import TARGETS
from tests.target_context import RecordingContext
from tests.valid_targets import parse

if TYPE_CHECKING:
    from pytest_django import Settings


def test_every_look_has_a_template_and_shows_an_empty_result() -> None:
    for kind in (*TARGETS, "unknown"):
        look = look_of(kind)
        get_template(look.template)
        assert look.result(None) is None
        assert len(look.words({"kind": kind})) == 2


def test_the_built_in_kinds_are_shown_in_two_short_texts() -> None:
    assert target_words("http", {"method": "PUT", "url": "https://example.org"}) == ("PUT", "https://example.org")
    assert target_words("command", {"name": "demo.echo"}) == ("command", "demo.echo")


class SecretConfig(TargetConfig):
    kind: Literal["secret"] = "secret"
    place: str = "here"
    token: str = ""

    @classmethod
    def masked(cls, stored: dict[str, Any]) -> dict[str, Any]:
        return {**stored, "token": "••••"}


def test_a_kind_without_a_look_is_shown_as_its_masked_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    class SecretTarget(HttpTarget):
        config = SecretConfig

    monkeypatch.setitem(TARGETS, "secret", SecretTarget())
    stored = {"token": "s3cret", "place": "é" * 10, "kind": "secret"}
    assert target_words("secret", stored) == ("secret", f'{{"place": "{"é" * 10}", "token": "••••"}}')
    assert look_of("secret").result({"n": 1}) == '{\n  "n": 1\n}'
    long = target_words("secret", {**stored, "place": "x" * 1000})[1]
    assert (len(long), long[-1]) == (200, "…")


@pytest.mark.parametrize("stored", [None, [], {"kind": "secret", "colour": "red"}], ids=["null", "list", "unreadable"])
def test_an_unreadable_configuration_is_shown_as_its_kind_alone(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class SecretTarget(HttpTarget):
        config = SecretConfig

    monkeypatch.setitem(TARGETS, "secret", SecretTarget())
    assert target_words("secret", stored)[0] == "secret"
    assert "red" not in target_words("secret", stored)[1]


def test_of_a_refused_connection_only_the_request_is_shown(settings: Settings) -> None:
    knobs: Any = settings.MAINSPRING
    settings.MAINSPRING = dataclasses.replace(knobs, http_allow_private_networks=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        target = {"kind": "http", "method": "POST", "url": f"http://127.0.0.1:{taken.getsockname()[1]}/report"}
        outcome = HttpTarget().execute(parse(target, {"day": "today"}), {"day": "today"}, RecordingContext())
    exchange: Any = LOOKS["http"].result(outcome.result)
    assert (exchange.request, exchange.sent, exchange.status) == (f"POST {target['url']}", "", "No response")
    assert exchange.phases == [] and exchange.size == ""


@pytest.mark.parametrize(
    ("url", "timings", "is_sent"),
    [
        ("http://example.org", {"connect": 1.5}, True),
        ("https://example.org", {"connect": 1.5}, False),  # TLS failed
        ("https://example.org", {"connect": 1.5, "tls": 2.0}, True),
    ],
)
def test_a_body_is_shown_only_if_it_could_be_sent(url: str, timings: dict[str, float], is_sent: bool) -> None:
    request = {"method": "POST", "url": url, "n_body_bytes": 1500}
    exchange: Any = LOOKS["http"].result({"request": request, "timings_ms": timings})
    assert exchange.sent == ("with a body of 1,500 bytes" if is_sent else "")


def test_phases_that_took_no_time_are_left_out_of_the_bar() -> None:
    timings = {"dns": 0.0, "connect": 10.0, "tls": 0.0, "first_byte": 30.0, "total": 50.0}
    exchange: Any = LOOKS["http"].result({"request": {}, "response": {"status": 200}, "timings_ms": timings})
    assert [(phase.name, phase.took, phase.start, phase.width) for phase in exchange.phases] == [
        ("connect", "10 ms", 0.0, 20.0),
        ("first_byte", "30 ms", 20.0, 60.0),
        ("rest", "10 ms", 80.0, 20.0),
    ]


def test_the_time_before_a_failure_is_shown_as_such() -> None:
    exchange: Any = LOOKS["http"].result({"request": {}, "response": None, "timings_ms": {"dns": 5.0, "total": 20.0}})
    assert [(phase.label, phase.took) for phase in exchange.phases] == [
        ("Name look-up", "5 ms"),
        ("Until the failure", "15 ms"),
    ]
