"""Proves what a configuration refuses, how an invalid target is described, and which credentials are hidden."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from executions.targets.base import InvalidTarget, TargetConfig
from executions.targets.http.headers import MASK
from executions.targets.registry import TARGETS, check_payload, masked, parse_config, read_target
from values.readable import Unreadable

HTTP: dict[str, Any] = {"kind": "http", "url": "https://example.org/hook", "method": "POST"}
ECHO = {"kind": "command", "name": "demo.echo"}


def test_a_configuration_is_frozen_and_refuses_unknown_members() -> None:
    config = TargetConfig(kind="ping")

    with pytest.raises(ValidationError, match="frozen"):
        config.kind = "pong"  # type: ignore[misc]  # that is the mistake
    with pytest.raises(ValidationError, match="Extra inputs"):
        TargetConfig.model_validate({"kind": "ping", "count": 1})


def test_an_invalid_target_names_every_field_with_its_messages() -> None:
    error = InvalidTarget({"url": ["url is required."], "headers.X": ["Too long.", "Odd."]})

    assert str(error) == "url: url is required.; headers.X: Too long., Odd."
    assert error.errors["headers.X"] == ["Too long.", "Odd."]


@pytest.mark.parametrize("kind", TARGETS)
def test_each_kind_is_registered_under_its_own_name(kind: str) -> None:
    target = TARGETS[kind]

    assert target.kind == target.config.model_fields["kind"].default == kind
    assert target.default_timeout.total_seconds() > 0
    assert target.max_runs_per_message >= 1


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({**HTTP, "headers": {"Authorization": "Bearer x"}}, {**HTTP, "headers": {"Authorization": MASK}}),
        ({**HTTP, "headers": {"Accept": "text/csv"}}, {**HTTP, "headers": {"Accept": "text/csv"}}),
        (HTTP, HTTP),
        ({**HTTP, "headers": {}}, {**HTTP, "headers": {}}),
        (ECHO, ECHO),
        ({**HTTP, "unknown": "secret"}, {"kind": "http"}),
        ({**HTTP, "url": 5, "headers": {"Authorization": "Bearer x"}}, {"kind": "http"}),
        ({"kind": "from the future", "password": "secret"}, {"kind": "from the future"}),
        ({"url": "https://example.org"}, {"kind": None}),
        (None, {"kind": None}),
        ([HTTP], {"kind": None}),
    ],
    ids=[
        "credential", "other header", "no headers", "empty headers", "command", "unknown member", "wrong member",
        "unknown kind", "no kind", "null", "list",
    ],
)  # fmt: skip
def test_a_stored_target_is_shown_without_its_credentials(stored: object, shown: dict[str, Any]) -> None:
    assert masked(stored) == shown


def test_masking_leaves_the_stored_target_unchanged() -> None:
    stored = {**HTTP, "headers": {"Authorization": "Bearer x"}}
    masked(stored)

    assert stored["headers"] == {"Authorization": "Bearer x"}


def test_a_stored_target_is_read_or_its_faults_are_one_reason() -> None:
    found = read_target({**HTTP, "url": "ftp://x", "metod": "GET"})

    assert read_target(HTTP) == parse_config(HTTP)
    assert isinstance(found, Unreadable)
    assert found.part == "target"
    assert "metod is not a known field" in found.reason and "begins with http://" in found.reason


@pytest.mark.parametrize(
    ("target", "payload", "fields"),
    [
        (HTTP, {"any": ["thing"]}, []),
        ({**HTTP, "method": "GET"}, {"lost": 1}, ["payload"]),
        ({**HTTP, "body_format": "form"}, {"a": {"b": 1}}, ["payload.a"]),
        (ECHO, {"message": "hello"}, []),
        (ECHO, None, []),
        (ECHO, {"mesage": "hello"}, ["payload.mesage"]),
        (ECHO, [1], ["payload"]),
        ({"kind": "command", "name": "demo.nothing"}, None, ["name"]),
    ],
    ids=["JSON", "GET", "form", "command", "no payload", "parameter", "list", "unknown command"],
)
def test_a_payload_is_checked_by_the_kind_of_its_target(target: object, payload: Any, fields: list[str]) -> None:
    config = parse_config(target)

    if not fields:
        check_payload(config, payload)
    else:
        with pytest.raises(InvalidTarget) as caught:
            check_payload(config, payload)
        assert list(caught.value.errors) == fields
