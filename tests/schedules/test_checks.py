"""Proves that the system check of the job form's sections reports those that can't be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django import forms
from django.core.checks import Error, run_checks

from executions.targets import load_parts
from schedules.admin import targets
from schedules.admin.form import limits
from schedules.admin.form.form import JobForm
from schedules.admin.targets.base import MEMBERS, Section
from schedules.checks import lost_places, missing_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class FileSection(Section):
    label = "File"

    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)

    def initial(self, target: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"path": target["path"] if target else ""}

    def target(self, values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
        return {**kept}


def test_a_fault_found_at_import_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Error("no SECTION", id="mainspring.E008")
    monkeypatch.setattr(targets, "FAULTS", [fault])
    assert run_checks(tags=["targets"]) == [fault]


def test_a_section_with_a_missing_template_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.SECTIONS["http"], "template", "nowhere.html")
    (fault,) = run_checks(tags=["targets"])
    assert (fault.id, "The SECTION of the target kind 'http'" in fault.msg) == ("mainspring.E008", True)


@pytest.mark.parametrize(
    "name",
    ["url", "timeout", "name", "pause_after_failures"],
    ids=["of a section", "of the form", "of the model", "of the limits"],
)
def test_a_field_with_the_name_of_another_field_is_reported(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    field = forms.CharField()
    if name in limits.FORM_FIELDS:  # there the form takes the field of the section
        monkeypatch.setitem(JobForm.base_fields, name, field)
    monkeypatch.setitem(targets.SECTIONS, "file", FileSection(fields={name: field}, places={}))
    (fault,) = run_checks(tags=["targets"])
    assert fault.id == "mainspring.E009"
    assert repr(name) in fault.msg and repr(f"file_{name}") in str(fault.hint)


@pytest.mark.parametrize("place", ["nope", "url"], ids=["nowhere", "of another section"])
def test_a_place_that_is_not_a_field_of_its_kind_is_reported(place: str) -> None:
    sections = {**targets.SECTIONS, "file": FileSection(fields={"path": forms.CharField()}, places={"path": place})}
    (fault,) = lost_places(sections, JobForm)
    assert fault.msg == (
        f"In the SECTION of the target kind 'file', `places` names {place!r}. The job form has no such field for this "
        "kind."
    )
    assert (fault.id, "It must be a field of this SECTION (path)" in str(fault.hint)) == ("mainspring.E008", True)


def test_a_place_may_be_a_field_of_the_form_itself() -> None:
    sections = {**targets.SECTIONS, "file": FileSection(fields={}, places={"path": "payload"})}
    assert list(lost_places(sections, JobForm)) == []


class EagerSection(FileSection):
    def initial(self, target: Mapping[str, Any] | None) -> Any:
        return {"path": target["path"]}  # type: ignore[index]


class EmptySection(FileSection):
    def initial(self, target: Mapping[str, Any] | None) -> Any:
        return None


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (EagerSection(), "raises TypeError: 'NoneType' object is not subscriptable."),
        (EmptySection(), "returns NoneType."),
    ],
)
def test_a_section_without_initial_values_is_reported(section: Section, problem: str) -> None:
    (fault,) = missing_defaults({**targets.SECTIONS, "file": section})
    assert (fault.id, fault.msg.partition(": ")[2]) == ("mainspring.E008", f"`initial(None)` {problem}")


SECTION = """
from django import forms
from schedules.admin.targets.base import Section

class OwnSection(Section):
    label = "File"
    fields = {"path": forms.CharField()}
    places = {"path": "path"}
    # more

    def initial(self, target):
        return {}

    def target(self, values, kept):
        return {}

SECTION = OwnSection()
"""


def load(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Section], list[Error]]:
    package = folder / f"sections_{abs(hash(source))}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "file.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    return load_parts(package.name, "SECTION", Section, ["file"], "mainspring.E008", MEMBERS)  # type: ignore[type-abstract]


def test_a_sound_section_has_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, faults = load(tmp_path, SECTION, monkeypatch)
    assert (list(parts), faults) == (["file"], [])


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('label = "File"', "", "has no `label`"),
        ('label = "File"', 'label = ""', "has '' as `label`"),
        ('fields = {"path": forms.CharField()}', "", "has no `fields`"),
        ('fields = {"path": forms.CharField()}', 'fields = ["path"]', "has ['path'] as `fields`"),
        ("forms.CharField()", '"text"', "has {'path': 'text'} as `fields`"),
        ('places = {"path": "path"}', "", "has no `places`"),
        ('{"path": "path"}', '{"path": None}', "has {'path': None} as `places`"),
        ("# more", 'labels = ["path"]', "has ['path'] as `labels`"),
        ("# more", 'labels = {"": "Path"}', "has {'': 'Path'} as `labels`"),
        ("# more", "template = None", "has no `template`"),
        ("# more", "payload_help = None", "has no `payload_help`"),
        ("# more", "places = property(lambda self: 1 / 0)", "ZeroDivisionError: division by zero ("),
    ],
)
def test_a_section_with_a_wrong_member_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, problem: str
) -> None:
    assert old in SECTION
    parts, (fault,) = load(tmp_path, SECTION.replace(old, new), monkeypatch)
    assert (parts, fault.id, fault.msg.count("\n")) == ({}, "mainspring.E008", 0)
    assert problem in fault.msg and fault.hint
