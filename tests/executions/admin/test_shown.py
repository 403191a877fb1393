"""Proves the badge of a run, the bar of an HTTP request's timings, and the words about request and response."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executions.admin.shown import run_badge
from executions.admin.targets.http import LOOK, Exchange
from executions.models import Run
from executions.states import STATUS_LABELS, RunStatus
from tests.factories import NOW


@pytest.mark.parametrize("status", RunStatus)
def test_each_status_has_the_badge_of_its_label(status: RunStatus) -> None:
    label, tone = STATUS_LABELS[status]

    html = run_badge(Run(status=status.value))

    assert f">{label}<" in html and f"ms-{tone}" in html


@pytest.mark.parametrize("status", RunStatus)
def test_only_a_running_run_that_was_asked_to_stop_is_stopping(status: RunStatus) -> None:
    html = run_badge(Run(status=status.value, cancel_requested_at=NOW))

    assert (">Stopping<" in html) == (status is RunStatus.RUNNING)


def shown(response: dict[str, Any] | None = None, **more: Any) -> Exchange:
    request = {"method": "POST", "url": "https://example.org/"}
    found = LOOK.result({"request": request, "response": response, **more})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "reason", "text", "tone"),
    [
        (200, "OK", "200 OK", "success"),
        (204, "", "204", "success"),
        (299, "", "299", "success"),
        (300, "", "300", "info"),
        (304, "Not Modified", "304 Not Modified", "info"),
        (399, "", "399", "info"),
        (400, "Bad Request", "400 Bad Request", "danger"),
        (503, "", "503", "danger"),
    ],
)
def test_a_status_has_its_tone(status: int, reason: str, text: str, tone: str) -> None:
    found = shown({"status": status, "reason": reason})

    assert (found.status, found.tone) == (text, tone)


def test_a_request_without_a_response_is_a_failure() -> None:
    found = shown(None)

    assert (found.status, found.tone, found.body, found.size, found.headers) == ("No response", "danger", "", "", [])


@pytest.mark.parametrize(
    ("response", "size"),
    [
        ({"status": 200, "n_bytes": 1234}, "1,234 bytes"),
        (
            {"status": 200, "n_bytes": 65_536, "truncated": True},
            "65,536 bytes kept; the rest of the body was discarded",
        ),
        ({"status": 204}, "0 bytes"),
    ],
    ids=["whole", "truncated", "unknown"],
)
def test_the_size_of_a_response_says_whether_it_was_cut(response: dict[str, Any], size: str) -> None:
    assert shown(response).size == size


def test_a_body_of_json_is_indented_and_headers_are_sorted() -> None:
    found = shown({"status": 200, "body": '{"a":1}', "headers": {"server": "x", "age": "1"}})

    assert found.body == '{\n  "a": 1\n}'
    assert found.headers == [("age", "1"), ("server", "x")]


def test_redirects_are_shown_by_their_urls() -> None:
    found = shown({"status": 200}, redirects=[{"status": 302, "url": "https://a.example/"}, "https://b.example/"])

    assert found.redirects == ["https://a.example/", "https://b.example/"]


@pytest.mark.parametrize("timings", [{}, None, {"total": 30}, {"dns": 0, "total": 0}], ids=str)
def test_without_a_phase_there_is_no_bar(timings: dict[str, float] | None) -> None:
    assert shown({"status": 200}, timings_ms=timings).phases == []


@settings(max_examples=50)
@given(
    st.dictionaries(st.sampled_from(["dns", "connect", "tls", "first_byte", "total"]), st.floats(0.01, 1e6), min_size=1)
)
def test_the_phases_of_a_bar_fill_it_without_gaps(timings: dict[str, float]) -> None:
    phases = shown({"status": 200}, timings_ms=timings).phases

    end = 0.0
    for phase in phases:
        assert abs(phase.start - end) < 0.05
        end = phase.start + phase.width
    assert not phases or abs(end - 100) < 0.1


@pytest.mark.parametrize("result", [None, [], "text", {}, {"request": None}, {"request": "GET /"}], ids=str)
def test_a_result_of_another_form_shows_nothing(result: object) -> None:
    assert LOOK.result(result) is None
