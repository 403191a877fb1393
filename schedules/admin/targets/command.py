"""The job form's field for a command, with a table of the parameters of the selected command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from executions.targets import commands
from schedules.admin.form.fields import choice, needed
from schedules.admin.targets.base import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django import forms


def command_choices() -> list[tuple[str, str]]:
    """Return the registered commands as choices."""
    return [("", "Choose a command"), *((name, name) for name in sorted(commands()))]


class CommandSection(Section):
    label = "Command"
    template = "schedules/admin/targets/command.html"
    payload_help = "For a command, the payload is an object with the parameters."
    fields: Mapping[str, forms.Field] = {"command": needed(choice("Command", command_choices))}
    places: Mapping[str, str] = {"name": "command"}

    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        return {} if target is None else {"command": target.get("name", "")}

    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        return {**kept, "name": values.get("command") or ""}

    def commands(self) -> list[tuple[str, str, list[dict[str, Any]]]]:
        """Return name, description and parameters of each command, for the template."""
        return [(name, found.description, _parameters(found.schema)) for name, found in sorted(commands().items())]


SECTION = CommandSection()


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "type": _type_words(described),
            "is_required": name in required,
            "default": described.get("default"),
            "has_default": "default" in described,
            "description": described.get("description", ""),
        }
        for name, described in schema.get("properties", {}).items()
    ]


def _type_words(described: dict[str, Any]) -> str:
    if "anyOf" in described:
        return " or ".join(dict.fromkeys(_type_words(part) for part in described["anyOf"]))
    if "enum" in described:
        return ", ".join(str(value) for value in described["enum"])
    return str(described.get("format") or described.get("type") or described.get("$ref", "any").rpartition("/")[2])
