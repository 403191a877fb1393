"""Proves the benchmark's table: one row per peer, ratios in Mainspring's favour above 1, and reasons of failures."""

from __future__ import annotations

import pytest

from benchmarks.table import Figure, Result, render


def rows(result: Result) -> list[list[str]]:
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in render([result]).splitlines()[2:]]


@pytest.mark.parametrize(("more_is_better", "ratio"), [(False, "4.0"), (True, "0.25")])
def test_a_ratio_above_one_means_that_mainspring_is_better(more_is_better: bool, ratio: str) -> None:
    ours, theirs = (Figure("a measure", value, "x", more_is_better) for value in (5.0, 20.0))
    (row,) = rows(Result("A1", "name", "10 jobs", [ours], {"a peer": [theirs]}))
    assert row == ["A1", "a measure", "10 jobs", "5.00 x", "a peer", "20.0 x", ratio]


def test_each_peer_has_a_row_and_so_has_a_measure_without_peers() -> None:
    ours = [Figure("both", 1, "s"), Figure("ours alone", 2, "s")]
    found = rows(
        Result("A5", "herd", "10 jobs", ours, {"one": [Figure("both", 2, "s")], "two": [Figure("both", 3, "s")]})
    )
    assert [(row[1], row[4], row[6]) for row in found] == [
        ("both", "one", "2.0"),
        ("both", "two", "3.0"),
        ("ours alone", "", ""),
    ]


def test_a_failed_contender_leaves_the_figures_of_the_others_in_the_table() -> None:
    result = Result("A5", "herd", "10 jobs", "failed: no luck", {"one": [Figure("m", 2, "s")], "two": "not installed"})
    assert result.failed
    assert [(row[1], row[3], row[4], row[5]) for row in rows(result)] == [
        ("herd", "failed: no luck", "", ""),
        ("m", "", "one", "2.00 s"),
        ("herd", "", "two", "not installed"),
    ]
