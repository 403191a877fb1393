"""Proves that every example of docs/extending.md works: it is imported, and does what the page says."""

from __future__ import annotations

import runpy
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from executions.admin.targets.base import Look
from schedules.admin.targets.base import Section
from tests.extending import examples

if TYPE_CHECKING:
    from pathlib import Path

TARGET = {"kind": "file", "path": "/data/in.csv"}


def run_example(path: str, folder: Path) -> dict[str, Any]:
    """Import an example and return what it defines."""
    (folder / "example.py").write_text(examples()[path])
    return runpy.run_path(str(folder / "example.py"))


def test_the_page_has_an_example_of_each_module() -> None:
    assert set(examples()) == {
        "executions/targets/file.py",
        "executions/admin/targets/file.py",
        "schedules/admin/targets/file.py",
        "schedules/passes/reactions/slow_runs.py",
    }


def test_the_look_shows_the_path(tmp_path: Path) -> None:
    look = run_example("executions/admin/targets/file.py", tmp_path)["LOOK"]
    assert isinstance(look, Look)
    assert look.words(TARGET) == ("wait for", "/data/in.csv")
    assert look.words({"kind": "file"}) == ("wait for", "")


def test_the_section_keeps_a_target_that_nobody_touched(tmp_path: Path) -> None:
    section = run_example("schedules/admin/targets/file.py", tmp_path)["SECTION"]
    assert isinstance(section, Section)
    assert set(section.places.values()) == set(section.fields)
    assert section.target(section.initial(TARGET), TARGET) == TARGET
    assert section.initial(None) == {"file_path": ""}


def test_the_reaction_logs_slow_runs_alone(tmp_path: Path) -> None:
    names = run_example("schedules/passes/reactions/slow_runs.py", tmp_path)
    runs = [SimpleNamespace(pk=pk, duration=length) for pk, length in (("fast", timedelta(0)), ("slow", timedelta(1)))]
    logged: list[str] = []
    react = names["log_slow_runs"]
    react.__globals__["log"] = SimpleNamespace(info=lambda event, **facts: logged.append(facts["run"]))
    assert react([SimpleNamespace(run=run) for run in runs], datetime.now(UTC)) == 0
    assert logged == ["slow"]
