"""Proves which charset a content type states, and which charsets have a codec."""

from __future__ import annotations

import encodings
from encodings.aliases import aliases
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.charsets import find_codec, stated_charset

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/plain; charset=utf-8", "utf-8"),
        ('text/plain; Charset = "ISO-8859-1"; x=1', "ISO-8859-1"),
        ("text/plain;charset='utf-8'", "utf-8"),
        ("charset=koi8-r", "koi8-r"),
        ("text/plain; charset=a; charset=b", "a"),
        ("text/plain; charset=", ""),
        ("text/plain; mycharset=utf-8", None),
        ("text/plain", None),
        ("", None),
    ],
)
def test_the_charset_is_read_as_it_is_written(content_type: str, charset: str | None) -> None:
    assert stated_charset(content_type) == charset


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("UTF8", "utf-8"),
        ("latin-1", "iso8859-1"),
        ("ISO-8859-15", "iso8859-15"),
        ("windows-1252", "cp1252"),
        ("us-ascii", "ascii"),
        ("Shift_JIS", "shift_jis"),
        ("EUC-KR", "euc_kr"),
        ("ISO_8859-1:1987", "iso8859-1"),
        ("ANSI_X3.4-1968", "ascii"),
        ("iso-8859.1", "iso8859-1"),
        ("mbcs", None),
        ("utf-7", None),
        ("punycode", None),
        ("idna", None),
        ("unicode_escape", None),
        ("hex", None),
        ("", None),
        ("\0", None),
        ("no such", None),
    ],
)
def test_a_charset_for_text_has_a_codec(charset: str, codec: str | None) -> None:
    assert find_codec(charset) == codec


@given(st.text())
def test_any_text_is_a_charset_or_none(text: str) -> None:
    codec = find_codec(stated_charset(text) or text)
    assert codec is None or b"a".decode(codec, "replace")


def test_python_remembers_no_name_that_a_server_sends() -> None:
    names = [template.format(number=number) for number in range(100) for template in ("x-{number}", "utf_8.{number}")]
    names += ["utf" + separator * number + "8" for number in range(2, 100) for separator in "-_ "]
    find_codec("utf-8")
    n_remembered = len(encodings._cache)
    found = [find_codec(name) for name in names]
    assert len(encodings._cache) == n_remembered
    assert set(found) == {None, "utf-8"}


@pytest.mark.parametrize("spelling", [str, str.upper, lambda name: name.replace("_", "-"), lambda name: f" {name};"])
def test_each_alias_of_an_allowed_codec_is_known_in_every_spelling(spelling: Callable[[str], str]) -> None:
    for alias, module in aliases.items():
        assert find_codec(spelling(alias)) == find_codec(module)
    assert find_codec(spelling("windows_1252")) == "cp1252"
