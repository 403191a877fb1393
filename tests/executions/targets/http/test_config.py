"""Proves that each mistake in an HTTP target is reported at its field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from executions.targets.base import InvalidTarget
from executions.targets.http.config import HttpConfig
from executions.targets.registry import parse_config


def config(**fields: Any) -> HttpConfig:
    parsed = parse_config({"kind": "http", "url": "https://example.com/", **fields})
    assert isinstance(parsed, HttpConfig)
    return parsed


def test_the_defaults_are_those_of_the_documentation() -> None:
    plain = config()
    assert plain.method == "GET"
    assert plain.connect_timeout == timedelta(seconds=10)
    assert plain.read_timeout is None
    assert plain.success_statuses == ("200-299",)
    assert plain.retryable == (408, 425, 429, "500-599")
    assert (plain.follow_redirects, plain.verify_tls, plain.body_format) == (False, True, "json")


@pytest.mark.parametrize(
    ("fields", "where", "word"),
    [
        ({"url": "nope"}, "url", "http://"),
        ({"url": None}, "url", "a string"),
        ({"method": "get"}, "method", "GET"),
        ({"method": "CONNECT"}, "method", "GET"),
        ({"headers": {"Bad Name": "x"}}, "headers.Bad Name", "letters"),
        ({"headers": {"": "x"}}, "headers.", "letters"),
        ({"headers": {"Host": "x"}}, "headers.Host", "connection"),
        ({"headers": {"content-LENGTH": "1"}}, "headers.content-LENGTH", "connection"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers.Transfer-Encoding", "connection"),
        ({"headers": {"Transfer_Encoding": "chunked"}}, "headers.Transfer_Encoding", "connection"),
        ({"headers": {"HOST": "x"}}, "headers.HOST", "connection"),
        ({"headers": {"X-A\r\nEvil": "1"}}, "headers.X-A\r\nEvil", "letters"),
        ({"headers": {"X-A": "a\x85Evil: 1"}}, "headers.X-A", "line breaks"),
        ({"headers": {"X-A": "a\r\nEvil: 1"}}, "headers.X-A", "line breaks"),
        ({"headers": {"X-A": "snow \u2603"}}, "headers.X-A", "Latin-1"),
        ({"headers": {"X-Key": "••••"}}, "headers.X-Key", "hidden"),
        ({"headers": {"X-A": 5}}, "headers.X-A", "a string"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "headers", "same header"),
        ({"headers": {"X-Forwarded-For": "1", "X_Forwarded_For": "2"}}, "headers", "X_Forwarded_For"),
        ({"headers": {f"X-{n}": "" for n in range(101)}}, "headers", "100"),
        ({"headers": {"X-A": "a" * 17_000}}, "headers", "16 KiB"),
        ({"query": {"a": None}}, "query.a", "number"),
        ({"query": {"a": {"b": 1}}}, "query.a", "number"),
        ({"query": {"a": "b" * 2048}}, "", "2048"),
        ({"body_format": "xml"}, "body_format", "json"),
        ({"connect_timeout": "0.5ms"}, "connect_timeout", "1ms"),
        ({"connect_timeout": "2d"}, "connect_timeout", "1ms"),
        ({"read_timeout": True}, "read_timeout", "is not a duration"),
        ({"success_statuses": []}, "success_statuses", "one status"),
        ({"success_statuses": [100, "101-199"]}, "success_statuses", "below 200"),
        ({"success_statuses": [99]}, "success_statuses.0", "100 to 599"),
        ({"success_statuses": ["300-200"]}, "success_statuses.0", "range"),
        ({"success_statuses": 200}, "success_statuses", "list"),
        ({"retry_statuses": [True]}, "retry_statuses.0", "status"),
        ({"success_statuses": ["200-404"], "retry_statuses": ["404-499"]}, "", "404"),
        ({"kindness": 1}, "kindness", "not a known field"),
    ],
)
def test_a_mistake_is_reported_at_its_field(fields: dict[str, Any], where: str, word: str) -> None:
    with pytest.raises(InvalidTarget) as caught:
        config(**fields)
    assert list(caught.value.errors) == [where]
    assert word in " ".join(caught.value.errors[where])


def test_the_message_for_a_bad_header_value_does_not_quote_the_value() -> None:
    with pytest.raises(InvalidTarget) as caught:
        config(headers={"Authorization": "Bearer s3cret\n"})
    assert "s3cret" not in str(caught.value)


def test_success_statuses_may_overlap_the_default_of_retry_statuses() -> None:
    assert config(success_statuses=["200-599"]).success_statuses == ("200-599",)


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config().method = "POST"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("headers", {f" {number}": 1 for number in range(101)}),
        ("query", {str(number): {} for number in range(1025)}),
        ("query", {"a": [{}] * 1024}),
        ("query", {str(number): [] for number in range(1025)}),
    ],
    ids=["headers", "query", "one name of a query", "names without a value"],
)
def test_too_many_entries_are_one_error_however_many_are_wrong(name: str, value: object) -> None:
    with pytest.raises(InvalidTarget) as caught:
        config(**{name: value})
    ((where, (sentence,)),) = caught.value.errors.items()
    assert where == name
    assert "are allowed" in sentence
