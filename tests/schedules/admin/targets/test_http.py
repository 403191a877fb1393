"""The fields of an HTTP request become a target and show a stored one again."""

from __future__ import annotations

from typing import Any

import pytest

from executions.targets import TARGETS
from schedules.admin.targets.http import SECTION

FORM: dict[str, Any] = {
    "method": "POST",
    "url": "https://example.org/hook",
    "headers": None,
    "query": None,
    "body_format": "json",
    "success_statuses": "200-299",
    "retry_statuses": "",
    "connect_timeout": "10s",
    "read_timeout": "",
    "follow_redirects": False,
    "verify_tls": True,
}


def target(**values: Any) -> dict[str, Any]:
    return SECTION.target(FORM | values, {})


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("200", ["200"]),
        (" 200 , 201-204 ", ["200", "201-204"]),
        ("200,,201,", ["200", "201"]),
        ("", []),
        (" , ", []),
    ],
)
def test_success_statuses_are_separated_by_commas(text: str, statuses: list[str]) -> None:
    assert target(success_statuses=text)["success_statuses"] == statuses


def test_empty_retry_statuses_and_an_empty_read_timeout_mean_the_default() -> None:
    found = target()
    assert (found["retry_statuses"], found["read_timeout"]) == (None, None)
    found = target(retry_statuses="503", read_timeout="5s")
    assert (found["retry_statuses"], found["read_timeout"]) == (["503"], "5s")


@pytest.mark.parametrize("text", ["none", " None "])
def test_the_word_none_means_that_no_status_is_retried(text: str) -> None:
    assert target(retry_statuses=text)["retry_statuses"] == []


@pytest.mark.parametrize(("statuses", "text"), [(None, ""), ([], "none"), ([409, "500-503"], "409, 500-503")])
def test_no_status_and_the_default_statuses_are_shown_differently(statuses: Any, text: str) -> None:
    assert SECTION.initial({"kind": "http", "retry_statuses": statuses})["retry_statuses"] == text


def test_an_empty_field_is_left_out_except_the_url() -> None:
    found = target(connect_timeout="", url="")
    assert "connect_timeout" not in found
    assert found["url"] == ""


def test_a_switch_that_is_off_is_kept() -> None:
    assert target()["follow_redirects"] is False


@pytest.mark.parametrize(
    ("value", "stored"),
    [(None, {}), ({"a": "b"}, {"a": "b"}), ([], []), (0, 0)],
    ids=["empty", "object", "list", "zero"],
)
def test_headers_of_the_wrong_type_reach_the_validation(value: Any, stored: Any) -> None:
    assert target(headers=value)["headers"] == stored


def test_a_member_that_the_form_does_not_show_is_kept() -> None:
    stored = {"kind": "http", "future": 1, "method": "GET"}
    assert SECTION.target(FORM, stored) == target() | {"kind": "http", "future": 1}


def test_a_new_job_starts_with_the_defaults_of_the_target_and_without_a_url() -> None:
    initial = SECTION.initial(None)
    assert initial["url"] == ""
    filled = SECTION.target(initial | {"url": "https://example.org", "headers": None, "query": None}, {})
    config = TARGETS["http"].config
    assert config.model_validate(filled | {"kind": "http"}) == config.model_validate(
        {"kind": "http", "url": "https://example.org"}
    )


def test_a_stored_target_is_shown_as_text() -> None:
    initial = SECTION.initial({"url": "u", "headers": {"A": "b"}, "success_statuses": [200, "300-302"], "query": {}})
    assert initial["headers"] == '{\n  "A": "b"\n}'
    assert (initial["success_statuses"], initial["retry_statuses"], initial["query"]) == ("200, 300-302", "", "")


@pytest.mark.parametrize(("body_format", "is_text"), [("raw", True), ("json", False), ("form", False), ("none", False)])
def test_only_a_raw_body_takes_the_payload_as_text(body_format: str, is_text: bool) -> None:
    assert SECTION.takes_text({"body_format": body_format}) is is_text
