"""Functions that build the fields of the job form, with the theme's widgets."""

from __future__ import annotations

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from schedules.admin.form.json_fields import JsonObject, JsonText, LongText


def text(
    label: str, placeholder: str = "", help_text: str = "", *, mono: bool = False, **kwargs: Any
) -> forms.CharField:
    """Return a field for one line of text."""
    widget = UnfoldAdminTextInputWidget(
        attrs={"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"}
    )
    if mono:
        add_class(widget, "ms-mono")
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget, **kwargs)


def long_text(label: str, placeholder: str, rows: int, help_text: str = "") -> LongText:
    """Return a field for several lines of text."""
    return LongText(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def json_text(label: str, placeholder: str, help_text: str = "", rows: int = 3) -> JsonText:
    """Return a field for JSON."""
    return JsonText(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def json_object(label: str, placeholder: str, help_text: str = "", rows: int = 3) -> JsonObject:
    """Return a field for a JSON object."""
    return JsonObject(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def choice(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    """Return a field for one of several choices; `choices` may be a function."""
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, required=False, widget=UnfoldAdminSelectWidget()
    )


def number(label: str, help_text: str = "") -> forms.IntegerField:
    """Return a field for a whole number."""
    return forms.IntegerField(label=label, help_text=help_text, required=False, widget=UnfoldAdminIntegerFieldWidget())


def switch(label: str, help_text: str = "") -> forms.BooleanField:
    """Return a checkbox."""
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=UnfoldBooleanWidget())


def needed(field: forms.Field) -> forms.Field:
    """Mark a field as required on the page, and return the field.

    Django still accepts an empty field, because only some kinds of schedules and targets require the field. The
    validation of the definition reports a missing value.
    """
    field.is_needed = True  # type: ignore[attr-defined]  # the template reads it
    field.widget.attrs["aria-required"] = "true"
    return field


def add_class(widget: forms.Widget, name: str) -> None:
    """Add a CSS class to a widget."""
    widget.attrs["class"] = f"{widget.attrs.get('class', '')} {name}".strip()


def _lines(placeholder: str, rows: int) -> forms.Widget:
    widget: forms.Widget = UnfoldAdminTextareaWidget(
        attrs={"rows": rows, "placeholder": placeholder, "spellcheck": "false"}
    )
    return widget
