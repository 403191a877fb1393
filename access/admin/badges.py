"""The coloured labels of the admin's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.html import format_html

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def badge(text: str, tone: str = "default", title: str = "") -> SafeString:
    """Return a coloured label. `tone` is a colour name of the theme; `title` becomes the tooltip."""
    return format_html('<span class="ms-badge ms-{}" title="{}">{}</span>', tone, title, text)
