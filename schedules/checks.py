"""System checks of the job form, which has a section for each target kind. docs/extending.md lists the check ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.checks import Error

from executions.targets import template_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django import forms
    from django.core.checks import CheckMessage


def check_sections(**_: object) -> list[CheckMessage]:
    """Return an error for each section that the job form cannot show."""
    # Forms need the models, which are not loaded yet when this module is imported.
    from schedules.admin.form.form import JobForm  # noqa: PLC0415
    from schedules.admin.targets import FAULTS, SECTIONS  # noqa: PLC0415

    templates = {kind: section.template for kind, section in SECTIONS.items()}
    return [
        *FAULTS,
        *template_faults(templates, "SECTION", "mainspring.E008"),
        *taken_names({kind: section.fields for kind, section in SECTIONS.items()}, JobForm),
    ]


def taken_names(
    fields: Mapping[str, Mapping[str, forms.Field]], form: type[forms.ModelForm[Any]]
) -> Iterable[CheckMessage]:
    """Yield an error for each field of a section whose name is taken by another field of the form.

    `fields` maps each target kind to the fields of its section, by name.
    """
    of_model = set(form._meta.fields or ())
    for kind, own in fields.items():
        for name, field in own.items():
            if name in of_model or form.base_fields.get(name) is not field:
                yield Error(
                    f"The field {name!r} of the SECTION of the target kind {kind!r} has a name that is already taken.",
                    hint=f"Rename the field in `fields` and `places`, for example to {f'{kind}_{name}'!r}.",
                    id="mainspring.E009",
                )
