"""The base classes of all admin pages: the theme's classes at run time, Django's for the type checker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.forms import ModelForm
else:
    from django import forms
    from unfold.admin import ModelAdmin as ThemedAdmin

    class ModelAdmin(ThemedAdmin):
        """The theme's class, which can be written as `ModelAdmin[Job]`, as in Django's type stubs."""

        def __class_getitem__(cls, model: object) -> type:
            return cls

    class ModelForm(forms.ModelForm):
        """Django's class, which can be written as `ModelForm[Job]`, as in Django's type stubs."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


__all__ = ["ModelAdmin", "ModelForm"]
