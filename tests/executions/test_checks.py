"""Proves that the system checks of kinds and commands report faults, and find no fault in the built-in ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import WARNING, Error, run_checks
from structlog.testing import capture_logs

from executions import checks
from executions.admin import targets as looks
from executions.admin.targets.base import Look
from executions.targets import registry
from executions.targets.command import registry as command_registry
from executions.targets.registry import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings


def test_nothing_is_wrong_with_the_project() -> None:
    assert run_checks(tags=["targets", "commands"]) == []


def test_a_kind_whose_queue_no_worker_consumes_is_reported(settings: Settings) -> None:
    settings.MAINSPRING_WORKER_QUEUES = ["command"]
    (fault,) = run_checks(tags=["targets"])
    assert fault.id == "mainspring.E006"
    assert fault.msg.startswith("The queue 'http' of the target kind 'http' is not in MAINSPRING_WORKER_QUEUES")
    assert "-Q http" in str(fault.hint)


def test_faults_found_at_import_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    of_kind, of_look = Error("one", id="mainspring.E001"), Error("two", id="mainspring.E007")
    monkeypatch.setattr(registry, "FAULTS", [of_kind])
    monkeypatch.setattr(looks, "FAULTS", [of_look])
    assert run_checks(tags=["targets"]) == [of_kind, of_look]


def test_a_look_with_a_missing_template_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(looks.LOOKS["http"]), "template", "nowhere.html")
    (fault,) = checks.check_targets()
    assert (fault.id, "nowhere.html" in fault.msg) == ("mainspring.E007", True)


class LoudLook(Look):
    def words(self, target: dict[str, Any]) -> tuple[str, str]:
        return "ping", target["host"]


class ShortLook(Look):
    def words(self, target: dict[str, Any]) -> Any:
        return "ping"


@pytest.mark.parametrize(
    ("look", "problem"), [(LoudLook(), "raises KeyError: 'host'."), (ShortLook(), "returns 'ping'.")]
)
def test_a_look_without_words_for_an_unknown_target_is_reported(
    monkeypatch: pytest.MonkeyPatch, look: Look, problem: str
) -> None:
    monkeypatch.setitem(looks.LOOKS, "http", look)
    (fault,) = checks.check_targets()
    assert (fault.id, fault.msg.partition(": ")[2]) == ("mainspring.E007", f"`words` {problem}")


def test_commands_that_cannot_be_imported_are_a_warning_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    monkeypatch.setattr(command_registry, "_loaded", False)
    monkeypatch.setattr(command_registry, "_broken_modules", {})
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "faulty_commands.py").write_text("1 / 0")
    settings.MAINSPRING_COMMAND_MODULES = ["faulty_commands", "nowhere"]
    with capture_logs() as logs:
        broken, missing = run_checks(tags=["commands"])
    assert [broken.id, missing.id] == ["mainspring.W001"] * 2
    assert [broken.level, missing.level] == [WARNING] * 2, "the commands of the other modules work"
    assert "faulty_commands.py, line 1)" in broken.msg and "there is no module nowhere" in missing.msg
    assert logs == []


def test_the_built_in_kinds_are_those_of_the_list() -> None:
    assert list(TARGETS) == ["http", "command"]
