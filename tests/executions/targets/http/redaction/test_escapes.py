"""Proves how escapes are removed, and where each character stood before."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.redaction.escapes import Unescaped

PARTS = st.text(st.sampled_from("ab%&;#xX\\uUt0041/'\"é€😀<"), max_size=30)


@pytest.mark.parametrize(
    ("text", "plain", "begins"),
    [
        ("a%2Fb", "a/b", [0, 1, 4, 5]),
        ("%C3%BCx", "üx", [0, 6, 7]),
        ("%FCx", "üx", [0, 3, 4]),
        ("a\\u00fcb", "aüb", [0, 1, 7, 8]),
        ("\\ud83d\\ude00.", "😀.", [0, 12, 13]),
        ("&#x2b;&#43;&amp;&apos;", "++&'", [0, 6, 11, 16, 22]),
        ('\\"\\\\\\/\\x41', '"\\/A', [0, 2, 4, 6, 10]),
        ("a\\U0001F600\\X41", "a😀\\X41", [0, 1, 11, 12, 13, 14, 15]),
        ("\\u{2f}\\u{1F600}\\057b", "/😀/b", [0, 6, 15, 19, 20]),
        ("\\u{110000}", "\ufffd", [0, 10]),
        ("%u002F%uD83D%uDE00.", "/😀.", [0, 6, 18, 19]),
        ("\\`\\$\\<", "`$<", [0, 2, 4, 6]),
        ("&#000000081;&#x0000000000000000000051;", "QQ", [0, 12, 38]),
        ("a\\tb", "a\tb", [0, 1, 3, 4]),
        ("100% & more \\n \\u12 &none", "100% & more \\n \\u12 &none", list(range(26))),
        ("&#1;&#1;&amp;b", "&b", [8, 13, 14]),
        ("&ef;&notit;&NotEqualTilde;.", "&ef;¬it;≂̸.", [0, 1, 2, 3, 4, 8, 9, 10, 11, 25, 26, 27]),
        ("", "", [0]),
    ],
)
def test_escapes_are_removed_and_places_kept(text: str, plain: str, begins: list[int]) -> None:
    shorter = Unescaped(text)
    assert shorter.text == plain
    assert [shorter.begin_of(position) for position in range(len(plain) + 1)] == begins


@given(PARTS)
def test_a_text_in_a_url_is_read_back(text: str) -> None:
    assert Unescaped(quote(text, safe="")).text == text


@given(st.text("ab<>'\"é€😀", max_size=30))
def test_a_text_in_html_and_json_is_read_back(text: str) -> None:
    assert Unescaped(html.escape(text)).text == Unescaped(json.dumps(text)[1:-1]).text == text


@given(PARTS)
def test_every_character_has_a_place_in_order(text: str) -> None:
    shorter = Unescaped(text)
    begins = [shorter.begin_of(position) for position in range(len(shorter.text) + 1)]
    assert begins == sorted(begins) and begins[-1] == len(text)
