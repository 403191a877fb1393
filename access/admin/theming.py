"""The classes that every page of the admin builds on: Django's to the type checker, the theme's when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.forms import ModelForm
else:
    from django import forms
    from unfold.admin import ModelAdmin as ThemedAdmin

    class ModelAdmin(ThemedAdmin):
        """The theme's class, which may be written `ModelAdmin[Job]` as Django's stubs have it."""

        def __class_getitem__(cls, model: object) -> type:
            return cls

    class ModelForm(forms.ModelForm):
        """Django's class, which may be written `ModelForm[Job]`."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


__all__ = ["ModelAdmin", "ModelForm"]
