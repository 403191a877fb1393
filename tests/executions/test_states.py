"""Proves that the transitions are complete, and that the documented diagram shows them."""

from __future__ import annotations

import re
from pathlib import Path

from executions.states import LIVE, STATUS_LABELS, TERMINAL, TRANSITIONS, RunStatus

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"


def test_every_status_has_a_row_and_a_label() -> None:
    assert set(TRANSITIONS) - {None} == set(RunStatus) == set(STATUS_LABELS)


def test_terminal_statuses_have_no_transitions() -> None:
    assert {"succeeded", "failed", "cancelled", "skipped"} == TERMINAL
    assert LIVE.isdisjoint(TERMINAL)


def test_the_documented_diagram_matches_the_transitions() -> None:
    drawn = set(re.findall(r"^\s*(\[\*\]|\w+) --> (\w+)", PAGE.read_text(), re.MULTILINE))
    table = {
        ("[*]" if was is None else was.value, to.value) for was, following in TRANSITIONS.items() for to in following
    }
    assert drawn == table
