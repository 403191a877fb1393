"""Proves that the system check of the job form's sections reports those that can't be shown."""

from __future__ import annotations

import pytest
from django import forms
from django.core.checks import Error, run_checks

from schedules.admin import targets
from schedules.admin.form.form import JobForm
from schedules.checks import taken_names


def test_a_fault_found_at_import_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Error("no SECTION", id="mainspring.E008")
    monkeypatch.setattr(targets, "FAULTS", [fault])
    assert run_checks(tags=["targets"]) == [fault]


def test_a_section_with_a_missing_template_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.SECTIONS["http"], "template", "nowhere.html")
    (fault,) = run_checks(tags=["targets"])
    assert (fault.id, "The SECTION of the target kind 'http'" in fault.msg) == ("mainspring.E008", True)


@pytest.mark.parametrize("name", ["url", "timeout", "name"], ids=["of a section", "of the form", "of the model"])
def test_a_field_with_the_name_of_another_field_is_reported(name: str) -> None:
    sections = {kind: section.fields for kind, section in targets.SECTIONS.items()}
    (fault,) = taken_names({**sections, "file": {name: forms.CharField()}}, JobForm)
    assert fault.id == "mainspring.E009"
    assert repr(name) in fault.msg and repr(f"file_{name}") in str(fault.hint)
