"""Sends requests through the HTTP target as a run does, for the tests in this folder."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from executions.targets.base import Failed, Outcome
from executions.targets.http.target import HttpTarget
from tests.target_context import RecordingContext
from tests.valid_targets import parse

allowed = pytest.mark.usefixtures("allow_private")
OK = b"HTTP/1.1 200 OK\r\n"


def send(url: str, payload: Any = None, context: RecordingContext | None = None, **fields: Any) -> Outcome:
    """Validate a target and its payload, and execute an attempt."""
    config = parse({"kind": "http", "url": url, **fields}, payload)
    return HttpTarget().execute(config, payload, context or RecordingContext())


def result_of(outcome: Outcome) -> dict[str, Any]:
    assert isinstance(outcome.result, dict)
    return outcome.result


def failure(outcome: Outcome) -> tuple[str, bool]:
    assert isinstance(outcome, Failed), outcome
    return outcome.code, outcome.permanent


def seen_by_server(outcome: Outcome) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(result_of(outcome)["response"]["body"])
    return seen


def answer_look_ups(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Have each look-up of a name return the next of these addresses. Return the list that collects the names."""
    real, names, coming = socket.getaddrinfo, [], list(addresses)

    def look_up(host: str, port: int, *, type: int = 0, flags: int = 0) -> Any:
        if flags:
            return real(host, port, type=type, flags=flags)
        names.append(host)
        return real(coming.pop(0), port, type=type)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names
