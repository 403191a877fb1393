"""Proves that a label of the admin's pages shows its text and never runs it as HTML."""

from __future__ import annotations

from access.admin.badges import badge


def test_a_label_has_its_text_its_colour_and_its_tooltip() -> None:
    assert badge("Failed", "danger", "no retry follows") == (
        '<span class="ms-badge ms-danger" title="no retry follows">Failed</span>'
    )
    assert badge("Held") == '<span class="ms-badge ms-default" title="">Held</span>'


def test_a_text_with_markup_is_escaped_in_every_place() -> None:
    html = badge("<b>", 'x" onclick="y', '"><script>')

    assert "<b>" not in html and "<script>" not in html
    assert 'onclick="' not in html
    assert html.count("<") == 2
