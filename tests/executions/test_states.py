"""The table of transitions, and the page that draws it."""

from __future__ import annotations

import re
from pathlib import Path

from executions.states import LIVE, STATUS_LABELS, TERMINAL, TRANSITIONS, RunStatus

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def test_every_status_has_a_row_and_a_label() -> None:
    assert set(TRANSITIONS) - {None} == set(RunStatus) == set(STATUS_LABELS)


def test_a_run_ends_in_four_ways_and_nothing_leads_out_of_them() -> None:
    assert {"succeeded", "failed", "cancelled", "skipped"} == TERMINAL
    assert LIVE.isdisjoint(TERMINAL)


def test_the_documented_diagram_is_the_table() -> None:
    drawn = set(re.findall(r"^\s*(\[\*\]|\w+) --> (\w+)", PAGE.read_text(), re.MULTILINE))
    table = {("[*]" if was is None else was.value, to.value) for was, onwards in TRANSITIONS.items() for to in onwards}
    assert drawn == table
