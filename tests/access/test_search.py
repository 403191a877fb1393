"""Proves which rows a search for a part of a text finds."""

from __future__ import annotations

import pytest

from access.models import Scope
from access.search import has_part

pytestmark = pytest.mark.django_db

NAMES = ("Acme", "ab", "Lab", "50% off", "50 percent off", "a_b", "Straße")


@pytest.fixture(autouse=True)
def scopes() -> None:
    Scope.objects.bulk_create(Scope(kind="tenant", tenant=name) for name in NAMES)


def found(part: str) -> set[str]:
    return set(Scope.objects.exclude(tenant="").filter(has_part("tenant", part)).values_list("tenant", flat=True))


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("cme", {"Acme"}),
        ("ACME", {"Acme"}),
        ("off", {"50% off", "50 percent off"}),
        ("ab", {"ab"}),
        ("AB", {"ab"}),
        ("a", {"Acme", "ab", "a_b"}),
        ("me", set()),
        ("Lab", {"Lab"}),
        ("raß", {"Straße"}),
    ],
    ids=["inside", "case", "several", "two at the start", "two, case", "one", "two at the end", "three", "not ASCII"],
)
def test_a_part_is_found_anywhere_but_a_short_one_at_the_start_only(part: str, names: set[str]) -> None:
    assert found(part) == names


@pytest.mark.parametrize(("part", "names"), [("0% o", {"50% off"}), ("a_", {"a_b"}), ("%", set()), ("\\", set())])
def test_a_wildcard_of_sql_is_searched_for_as_it_is(part: str, names: set[str]) -> None:
    assert found(part) == names


def test_an_empty_part_is_in_every_row() -> None:
    assert found("") == set(NAMES)
