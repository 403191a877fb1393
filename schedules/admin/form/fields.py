"""The fields that the job form is made of, with the theme's widgets. What they hold is for the definition to judge."""

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
    """A line of text."""
    widget = UnfoldAdminTextInputWidget(
        attrs={"placeholder": placeholder, "autocomplete": "off", "spellcheck": "false"}
    )
    if mono:
        add_class(widget, "ms-mono")
    return forms.CharField(label=label, help_text=help_text, required=False, widget=widget, **kwargs)


def long_text(label: str, placeholder: str, rows: int, help_text: str = "") -> LongText:
    """A text of several lines."""
    return LongText(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def json_text(label: str, placeholder: str, help_text: str = "", rows: int = 3) -> JsonText:
    """A text of JSON."""
    return JsonText(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def json_object(label: str, placeholder: str, help_text: str = "", rows: int = 3) -> JsonObject:
    """A text of a JSON object."""
    return JsonObject(label=label, help_text=help_text, widget=_lines(placeholder, rows))


def choice(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    """One of a few; `choices` may be a function."""
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, required=False, widget=UnfoldAdminSelectWidget()
    )


def number(label: str, help_text: str = "") -> forms.IntegerField:
    """A whole number."""
    return forms.IntegerField(label=label, help_text=help_text, required=False, widget=UnfoldAdminIntegerFieldWidget())


def switch(label: str, help_text: str = "") -> forms.BooleanField:
    """Yes or no."""
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=UnfoldBooleanWidget())


def needed(field: forms.Field) -> forms.Field:
    """Mark a field as one to fill in. Whether it is needed hangs on the kinds chosen, so the form does not ask for it."""
    field.is_needed = True  # type: ignore[attr-defined]  # for the template
    field.widget.attrs["aria-required"] = "true"
    return field


def add_class(widget: forms.Widget, name: str) -> None:
    """Give a widget one more class."""
    widget.attrs["class"] = f"{widget.attrs.get('class', '')} {name}".strip()


def _lines(placeholder: str, rows: int) -> forms.Widget:
    widget: forms.Widget = UnfoldAdminTextareaWidget(
        attrs={"rows": rows, "placeholder": placeholder, "spellcheck": "false"}
    )
    return widget
