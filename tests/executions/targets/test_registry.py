"""Proves that a target is read by its kind, that mistakes are reported by field, and that nonsense never raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from executions.targets.base import InvalidTarget
from executions.targets.registry import TARGETS, AnyTarget, parse_config, share_of
from tests.valid_targets import parse

if TYPE_CHECKING:
    from pytest_django import Settings

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({name for target in TARGETS.values() for name in target.config.model_fields})


def errors_of(data: object, payload: object = None) -> dict[str, list[str]]:
    with pytest.raises(InvalidTarget) as caught:
        parse(data, payload)
    return caught.value.errors


@pytest.mark.parametrize(
    ("url", "share"),
    [
        ("https://example.com/a", "example.com"),
        ("http://EXAMPLE.com.:8080/b?c=d", "example.com"),
        ("http://[::1]:8000/", "::1"),
        ("http://[0:0::0:1]:8000/", "::1"),
        ("http://[::ffff:127.0.0.1]/", "127.0.0.1"),
        ("http://[::ffff:7f00:1]/", "127.0.0.1"),
        ("http://127.0.0.1./", "127.0.0.1"),
        ("http://127.1/", "127.0.0.1"),
        ("http://0177.0.0.1/", "127.0.0.1"),
        ("http://000177.0.0.1/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://1.2.3.4.5/", "1.2.3.4.5"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("nonsense", ""),
        (None, ""),
    ],
)
def test_the_runs_of_one_host_share_whatever_the_rest_of_the_url_is(url: str | None, share: str) -> None:
    assert TARGETS["http"].share_of({"kind": "http", "url": url}) == share


def test_the_share_of_a_host_is_not_known_without_the_secret_key(settings: Settings) -> None:
    shares = set()
    for settings.SECRET_KEY in ("one", "two"):
        shares.add(share_of("http", '{"url": "https://a.com"}'))
    assert len(shares) == 2


def test_a_share_is_a_short_hash_and_differs_between_hosts() -> None:
    one, same, other = (
        share_of("http", json.dumps({"url": f"https://{url}"})) for url in ("a.com", "A.com/b", "b.com")
    )
    assert one == same != other
    assert len(one) == len(other) == 8 and int(one, 16) >= 0
    assert share_of("command", '{"name": "demo.echo"}') == ""
    assert share_of("from the future", "{}") == share_of("http", "[]") == ""


@pytest.mark.parametrize("data", [None, 5, "http", [], [["kind", "http"]], True])
def test_a_target_that_is_not_an_object_is_refused_as_a_whole(data: object) -> None:
    assert "object" in errors_of(data)[""][0]


@pytest.mark.parametrize("kind", [None, 5, [], {}, "", "HTTP", "ftp"])
def test_an_unknown_kind_is_refused_with_the_known_kinds(kind: object) -> None:
    assert "http or command" in errors_of({"kind": kind})["kind"][0]


def test_a_mistyped_kind_gets_a_suggestion() -> None:
    assert 'Did you mean "http"?' in errors_of({"kind": "htpp"})["kind"][0]


def test_an_unknown_field_gets_a_suggestion() -> None:
    found = errors_of({"kind": "http", "url": "https://example.com", "header": {}})
    assert 'Did you mean "headers"?' in found["header"][0]


def test_text_that_the_database_cannot_store_is_refused_at_its_field() -> None:
    assert list(errors_of({"kind": "http", "url": "https://example.com", "query": {"a": "\0"}})) == ["query.a"]
    assert list(errors_of({"kind": "command", "name": "demo.echo"}, {"message": "\ud800"})) == ["payload.message"]


@pytest.mark.long
@given(
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), JSON_VALUES, max_size=5),
    st.sampled_from([*TARGETS, None]),
    JSON_VALUES,
)
def test_nonsense_is_refused_with_sentences(data: dict[str, Any], kind: str | None, payload: Any) -> None:
    if kind:
        data = {**data, "kind": kind}
    try:
        parse(data, payload)
    except InvalidTarget as error:
        assert error.errors
        assert all(text for texts in error.errors.values() for text in texts)


def test_a_stored_configuration_is_read_back_equal() -> None:
    first = parse(
        {
            "kind": "http",
            "url": "https://example.com/hook",
            "query": {"a": [1, True, "x"]},
            "success_statuses": ["200-599"],
            "connect_timeout": 2.5,
            "read_timeout": "1m",
        },
        None,
    )
    assert parse_config(first.model_dump(mode="json")) == first


def test_the_union_for_the_api_has_a_schema_of_each_kind() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnyTarget)
    schema = adapter.json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(TARGETS)
    assert adapter.validate_python({"kind": "command", "name": "demo.echo"}).name == "demo.echo"
