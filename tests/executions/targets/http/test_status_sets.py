"""Proves how a set of HTTP statuses is written, and which statuses it contains."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from executions.targets.http.statuses import DEFAULT_RETRY, DEFAULT_SUCCESS, Statuses, contains, describe, overlap

ADAPTER: TypeAdapter[Any] = TypeAdapter(Statuses)
SETS = st.lists(
    st.integers(100, 599)
    | st.tuples(st.integers(100, 599), st.integers(100, 599)).map(lambda pair: f"{min(pair)}-{max(pair)}"),
    max_size=4,
).map(tuple)


def members(statuses: tuple[int | str, ...]) -> set[int]:
    return {status for status in range(100, 600) if contains(statuses, status)}


@pytest.mark.parametrize(
    ("given_as", "read"),
    [
        (200, 200),
        ("200", 200),
        (" 404 ", 404),
        ("200-299", "200-299"),
        ("200 - 299", "200-299"),
        ("204-204", "204-204"),
        (100, 100),
        (599, 599),
    ],
    ids=str,
)
def test_a_status_and_a_range_are_read(given_as: object, read: object) -> None:
    assert ADAPTER.validate_python([given_as]) == (read,)


@pytest.mark.parametrize(
    "wrong",
    [99, 600, 1000, -200, True, None, 200.0, "", "2xx", "200-", "-299", "299-200", "200-600", "200,201", "٢٠٠", [200]],
    ids=str,
)
def test_anything_else_is_refused_with_an_example(wrong: object) -> None:
    with pytest.raises(ValidationError, match="Give a status from 100 to 599, such as 200, or a range"):
        ADAPTER.validate_python([wrong])


@pytest.mark.parametrize(
    ("statuses", "inside", "outside"),
    [
        ((200,), [200], [199, 201]),
        (("200-299",), [200, 250, 299], [199, 300]),
        ((404, "500-503"), [404, 500, 503], [403, 405, 499, 504]),
        ((), [], [200]),
        (DEFAULT_SUCCESS, [200, 204, 299], [199, 300, 304]),
        (DEFAULT_RETRY, [408, 425, 429, 500, 503, 599], [404, 409, 428]),
    ],
    ids=["one", "range", "both", "none", "default success", "default retry"],
)
def test_a_range_includes_both_its_ends(statuses: tuple[int | str, ...], inside: list[int], outside: list[int]) -> None:
    assert set(inside) <= members(statuses)
    assert not members(statuses) & set(outside)


@settings(max_examples=60)
@given(SETS, SETS)
def test_the_overlap_is_the_lowest_common_member(ones: tuple[int | str, ...], others: tuple[int | str, ...]) -> None:
    common = members(ones) & members(others)

    assert overlap(ones, others) == overlap(others, ones) == min(common, default=None)


@settings(max_examples=60)
@given(SETS)
def test_a_described_set_is_read_back_as_the_same_set(statuses: tuple[int | str, ...]) -> None:
    text = describe(statuses)
    read = () if text == "none" else ADAPTER.validate_python(text.split(", "))

    assert members(read) == members(statuses)
