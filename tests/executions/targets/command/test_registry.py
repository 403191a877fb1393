"""Proves which functions can be commands, and that one broken module does not affect the commands of others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from structlog.testing import capture_logs

from executions.targets.command import command, registry
from executions.targets.command.exceptions import InvalidCommand

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings


def nothing() -> None:
    """Do nothing at all.

    And more of it.
    """


def test_a_registered_command_stays_an_ordinary_function() -> None:
    assert command("tests.nothing")(nothing) is nothing
    registered = registry.commands()["tests.nothing"]
    assert (registered.description, registered.schema["properties"]) == ("Do nothing at all.", {})


@pytest.mark.parametrize("name", ["", "Upper", "sp ace", "ä", "a" * 101, "a/b", "a\n"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidCommand, match="a-z"):
        command(name)(nothing)


def test_a_name_can_be_registered_for_one_function_only() -> None:
    command("tests.taken")(nothing)
    command("tests.taken")(nothing)  # the same function, as when its module is loaded again

    def other() -> None: ...

    with pytest.raises(InvalidCommand, match="already"):
        command("tests.taken")(other)


def test_coroutines_and_generators_are_refused() -> None:
    async def coroutine() -> None: ...

    def generator() -> Any:
        yield

    async def asynchronous_generator() -> Any:
        yield

    for function in (coroutine, generator, asynchronous_generator):
        with pytest.raises(InvalidCommand, match="ordinary function"):
            command("tests.odd")(function)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A registry that has loaded nothing yet, and a folder to import from."""
    monkeypatch.setattr(registry, "_loaded", False)
    monkeypatch.setattr(registry, "_broken_modules", {})
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


MODULE = """
from executions.targets.command import command

@command("{name}")
def run(n: int) -> int:
    return n
"""


def test_the_modules_of_the_settings_are_imported_once_on_first_use(fresh: Path, settings: Settings) -> None:
    (fresh / "some_commands.py").write_text(MODULE.format(name="tests.loaded"))
    settings.MAINSPRING_COMMAND_MODULES = ["some_commands"]
    assert "tests.loaded" in registry.commands()
    del registry.COMMANDS["tests.loaded"]
    del sys.modules["some_commands"]
    assert "tests.loaded" not in registry.commands()


def test_the_commands_module_of_an_installed_app_is_imported(
    fresh: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another list of apps makes the theme put a new, empty site in the place of the admin's: put the old one back.
    for module in (admin, admin.sites):
        monkeypatch.setattr(module, "site", module.site)
    (fresh / "some_app").mkdir()
    (fresh / "some_app" / "__init__.py").touch()
    (fresh / "some_app" / "commands.py").write_text(MODULE.format(name="tests.app"))
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "some_app"]
    assert "tests.app" in registry.commands()


def test_a_broken_module_is_logged_and_the_commands_of_others_work(fresh: Path, settings: Settings) -> None:
    (fresh / "broken_commands.py").write_text("1 / 0")
    (fresh / "sound_commands.py").write_text(MODULE.format(name="tests.sound"))
    settings.MAINSPRING_COMMAND_MODULES = ["broken_commands", "sound_commands"]
    with capture_logs() as logs:
        assert "tests.sound" in registry.commands()
    assert list(registry.load_modules()) == ["broken_commands"]
    (entry,) = logs
    assert (entry["event"], entry["log_level"], entry["action"]) == ("commands_not_loaded", "error", "import")
    assert (entry["module"], type(entry["exc_info"])) == ("broken_commands", ZeroDivisionError)


def test_a_module_that_ends_the_process_does_not_affect_the_others(fresh: Path, settings: Settings) -> None:
    (fresh / "leaving_commands.py").write_text("import sys\nsys.exit(3)")
    (fresh / "staying_commands.py").write_text(MODULE.format(name="tests.staying"))
    settings.MAINSPRING_COMMAND_MODULES = ["leaving_commands", "staying_commands"]
    assert "tests.staying" in registry.commands()
    assert registry.load_modules()["leaving_commands"].startswith("SystemExit: 3 (")


def test_a_missing_module_is_logged_without_a_traceback(fresh: Path, settings: Settings) -> None:
    settings.MAINSPRING_COMMAND_MODULES = ["nowhere.commands"]
    with capture_logs() as logs:
        registry.commands()
    assert registry.load_modules() == {"nowhere.commands": "there is no module nowhere"}
    (entry,) = logs
    assert (entry["event"], entry["module"]) == ("commands_not_loaded", "nowhere.commands")
    assert (entry["error"], entry["exc_info"]) == ("there is no module nowhere", None)
