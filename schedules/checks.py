"""System checks of the job form, which has a section for each target kind. docs/extending.md lists the check ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.core.checks import Error

from executions.targets import error_words, template_faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django import forms
    from django.core.checks import CheckMessage

    from schedules.admin.targets.base import Section


def check_sections(**_: object) -> list[CheckMessage]:
    """Return an error for each fault in the job form's sections."""
    # Forms need the models, which are not loaded yet when this module is imported.
    from schedules.admin.form import limits  # noqa: PLC0415
    from schedules.admin.form.form import JobForm  # noqa: PLC0415
    from schedules.admin.targets import FAULTS, SECTIONS  # noqa: PLC0415

    templates = {kind: section.template for kind, section in SECTIONS.items()}
    fields = {kind: section.fields for kind, section in SECTIONS.items()}
    return [
        *FAULTS,
        *template_faults(templates, "SECTION", "mainspring.E008"),
        *taken_names(fields, JobForm, limits.FORM_FIELDS),
        *lost_places(SECTIONS, JobForm),
        *missing_defaults(SECTIONS),
    ]


def taken_names(
    fields: Mapping[str, Mapping[str, forms.Field]], form: type[forms.ModelForm[Any]], others: Iterable[str]
) -> Iterable[CheckMessage]:
    """Yield an error for each section field that has the same name as another field of the form.

    `fields` maps each target kind to the fields of its section, by name. `others` are names that no section may use.
    """
    taken = {*(form._meta.fields or ()), *others}
    for kind, own in fields.items():
        for name, field in own.items():
            if name in taken or form.base_fields.get(name) is not field:
                yield Error(
                    f"The field {name!r} of the SECTION of the target kind {kind!r} has the name of another field.",
                    hint=f"Rename the field in `fields` and `places`, for example to {f'{kind}_{name}'!r}.",
                    id="mainspring.E009",
                )


def lost_places(sections: Mapping[str, Section], form: type[forms.ModelForm[Any]]) -> Iterable[CheckMessage]:
    """Yield an error for each field that a section's `places` names, if the form has no such field for that kind."""
    of_kinds = {name for section in sections.values() for name in section.fields}
    for kind, section in sections.items():
        shown = {*section.fields, *(set(form.base_fields) - of_kinds)}
        for member, name in section.places.items():
            if name not in shown:
                yield Error(
                    f"In the SECTION of the target kind {kind!r}, `places` names {name!r}. The job form has no such "
                    "field for this kind.",
                    hint=f"In `places`, name the field that shows the errors of {member!r}. It must be a field of this "
                    f"SECTION ({', '.join(section.fields)}) or a field that the form shows for every kind.",
                    id="mainspring.E008",
                )


def missing_defaults(sections: Mapping[str, Section]) -> Iterable[CheckMessage]:
    """Yield an error for each section whose `initial(None)` raises an exception or returns no mapping.

    Every job form calls `initial(None)` of all sections.
    """
    for kind, section in sections.items():
        try:
            values = section.initial(None)
            problem = "" if isinstance(values, Mapping) else f"returns {type(values).__name__}"
        except Exception as error:  # noqa: BLE001 - whatever the section raises, every job form would raise it too
            problem = f"raises {error_words(error)}"
        if problem:
            yield Error(
                f"The SECTION of the target kind {kind!r} has no initial values: `initial(None)` {problem}.",
                hint="`initial` must return a dict from names in `fields` to values. `initial(None)` must return the "
                "values of a new job.",
                id="mainspring.E008",
            )
