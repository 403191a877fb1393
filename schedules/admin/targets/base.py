"""The part of the job form for a kind of target: the base class, and a default for kinds without a module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.functional import Promise

from executions.targets import TEMPLATE, Member, is_text
from schedules.admin.form.fields import json_object, needed
from schedules.admin.form.json_fields import write_object

if TYPE_CHECKING:
    from executions.targets import TargetConfig


class Section(ABC):
    """The part of the job form for one kind of target.

    The module `schedules/admin/targets/<kind>.py` defines an instance with the name `SECTION`. The names in `fields`
    must be unique in the whole form. The template's context has `form`, `section`, and `fields`: the section's bound
    fields.
    """

    label: str
    template: str = "schedules/admin/targets/default.html"  # shows all fields, one below the other
    payload_help: str = ""  # a sentence that says how this kind uses the payload
    fields: Mapping[str, forms.Field]
    places: Mapping[str, str]  # the form's field for each member of the target; "" stands for all other members
    labels: ClassVar[Mapping[str, str]] = {}  # the labels that errors show instead of the names of members

    @abstractmethod
    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the initial values of the fields, from a stored target of this kind. For None, return the defaults."""

    @abstractmethod
    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        """Return the target that the form's values describe.

        `kept`: the stored target; empty if the job is new or gets another target kind. The result also contains the
        members of `kept` that have no field in the form.
        """

    def takes_text(self, values: Mapping[str, Any]) -> bool:
        """Return whether the payload is plain text instead of JSON.

        `values`: the values of the form, or a stored target.
        """
        return False


class DefaultSection(Section):
    """The section of a kind without a module of its own: one JSON field for the whole configuration."""

    def __init__(self, kind: str, config: type[TargetConfig]) -> None:
        self._field = f"{kind}_config"
        self.label = kind.replace("_", " ").capitalize()
        self.fields = {self._field: _config_field(config)}
        self.places = {"": self._field}

    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        members = {name: value for name, value in (target or {}).items() if name != "kind"}
        return {self._field: write_object(members)}

    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        return values.get(self._field) or {}


def _is_label(value: object) -> bool:
    return is_text(value) or isinstance(value, Promise)  # a translated text


def _are_fields(value: object) -> bool:
    return isinstance(value, Mapping) and all(is_text(k) and isinstance(v, forms.Field) for k, v in value.items())


def _are_places(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and is_text(v) for k, v in value.items())


def _are_labels(value: object) -> bool:
    return isinstance(value, Mapping) and all(is_text(k) and _is_label(v) for k, v in value.items())


# What the members of a section must be: the job form is built from them.
MEMBERS: tuple[Member, ...] = (
    ("label", _is_label, 'a text, such as "Wait for a file"'),
    TEMPLATE,
    ("payload_help", lambda value: isinstance(value, str), "a text, which may be empty"),
    ("fields", _are_fields, 'a mapping of names to form fields, such as {"file_path": forms.CharField()}'),
    ("places", _are_places, 'a mapping of target members to names in `fields`, such as {"path": "file_path"}'),
    ("labels", _are_labels, 'a mapping of target members to texts, such as {"path": "Path of the file"}'),
)


def _config_field(config: type[TargetConfig]) -> forms.Field:
    members = {name: member.is_required() for name, member in config.model_fields.items() if name != "kind"}
    if not members:
        return json_object("Configuration", "", "This kind of target has no options.")
    required = {name: "…" for name, is_required in members.items() if is_required}
    names = ", ".join(f"{name} (required)" if name in required else name for name in members)
    field = json_object("Configuration", write_object(required), f"A JSON object with these members: {names}.", rows=6)
    return needed(field) if required else field
