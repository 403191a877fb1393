"""The form lists the registered commands, and the parameters of each with their types in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest

from executions.targets.command.registry import COMMANDS, command, commands
from schedules.admin.targets.command import SECTION, command_choices

NAME = "a.test-of-the-form"


@pytest.fixture
def registered() -> Iterator[None]:
    commands()

    @command(NAME, description="Counts things.")
    def count(
        limit: int, unit: Literal["g", "kg"] = "g", note: str | None = None, *, ratio: float | bool = 1.5
    ) -> None:
        """Not shown: there is a description."""

    yield
    del COMMANDS[NAME]


@pytest.mark.usefixtures("registered")
def test_the_parameters_of_a_command_have_types_in_words() -> None:
    (found,) = [each for each in SECTION.commands() if each[0] == NAME]
    assert found[1] == "Counts things."
    assert [(each["name"], each["type"], each["is_required"], each["default"]) for each in found[2]] == [
        ("limit", "integer", True, None),
        ("unit", "g, kg", False, "g"),
        ("note", "string or null", False, None),
        ("ratio", "number or boolean", False, 1.5),
    ]


@pytest.mark.usefixtures("registered")
def test_a_default_of_none_differs_from_no_default() -> None:
    parameters = next(each for each in SECTION.commands() if each[0] == NAME)[2]
    assert [each["has_default"] for each in parameters] == [False, True, True, True]


@pytest.mark.usefixtures("registered")
def test_commands_are_listed_by_name_after_an_empty_choice() -> None:
    (empty, _), *others = command_choices()
    names = [name for name, _ in others]
    assert empty == ""
    assert names == sorted(names)
    assert {NAME, "demo.echo"} <= set(names)
    assert [each[0] for each in SECTION.commands()] == names


def test_the_chosen_command_replaces_the_stored_one_and_keeps_its_other_members() -> None:
    stored = {"kind": "command", "name": "demo.echo", "future": 1}
    assert SECTION.target({"command": "demo.sleep"}, stored) == stored | {"name": "demo.sleep"}
    assert SECTION.target({}, {}) == {"name": ""}


def test_a_stored_command_is_chosen_and_a_new_job_has_none() -> None:
    assert SECTION.initial({"name": "demo.echo"}) == {"command": "demo.echo"}
    assert SECTION.initial({}) == {"command": ""}
    assert SECTION.initial(None) == {}
