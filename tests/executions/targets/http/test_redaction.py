"""Proves that a job's secrets are hidden in whatever form a careless server echoes them, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http import redaction
from executions.targets.http.headers import MASK
from executions.targets.http.redaction import MIN_SECRET_LENGTH, Secrets, without_query_values
from tests.call_counter import counted_calls
from tests.regex_steps import count_steps
from values.json_values import clean_text

if TYPE_CHECKING:
    from collections.abc import Callable

BASIC = base64.b64encode(b"robot:hunter22/x").decode()
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["C"]), min_size=6, max_size=30)
FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": lambda text: text.upper() if text.isascii() else text,
    "url": lambda text: quote(text, safe=""),
    "url with slashes": quote,
    "url in lower case": lambda text: quote(text, safe="").lower(),
    "form": quote_plus,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json of Go": lambda text: (
        json.dumps(text, ensure_ascii=False)[1:-1]
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("'", "\\u0027")
    ),
    "json of .NET": lambda text: "".join(
        f"\\u{ord(char):04X}" if char in "<>&'\"+`" or not char.isascii() else {"\\": "\\\\"}.get(char, char)
        for char in text
    ),
    "html": html.escape,
    "html of .NET": lambda text: html.escape(text).replace("+", "&#x2B;"),
    "Latin-1 read as UTF-8": lambda text: text.encode("latin-1").decode("utf-8", "replace"),
    "UTF-8 read as Latin-1": lambda text: text.encode().decode("latin-1"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(TEXTS)
def test_a_secret_is_hidden_in_every_form(form: Callable[[str], str], secret: str) -> None:
    shown = Secrets({"X-Passphrase": secret}).hide(f"<<< {form(secret)} >>>")

    assert shown.startswith("<<< ") and shown.endswith(" >>>")
    assert MASK in shown
    assert form(secret) not in shown


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("Authorization", "Bearer abc-123-def", "abc-123-def"),
        ("authorization", "Token  abc-123-def", "abc-123-def"),
        ("Authorization", f"Basic {BASIC}", BASIC),
        ("Authorization", f"Basic {BASIC}", "robot:hunter22/x"),
        ("Authorization", f"basic {BASIC}", "hunter22/x"),
        ("Authorization", f"Basic {BASIC}", "hunter22%2fx"),
        ("Authorization", 'Digest username="robot", realm="example", response="6629fae4"', "6629fae4"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=AKID1234/eu, Signature=5d672d79", "5d672d79"),
        ("Cookie", "theme=dark; session=abc-123-def", "abc-123-def"),
        ("X-Passphrase", "correct horse", "correct horse"),
        ("X_Hmac", "5d672d79", "5d672d79"),
        ("SubscriptionKey", "5d672d79", "5d672d79"),
    ],
)
def test_the_parts_of_a_credential_are_hidden_alone(name: str, value: str, secret: str) -> None:
    assert Secrets({name: value}).hide(f"seen: {secret}, twice: {secret}.") == f"seen: {MASK}, twice: {MASK}."


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({"X-Flag": "1", "X-Mode": "fast"}, "1 fast answer"),
        ({"Accept": "text/plain", "User-Agent": "robot-7", "Idempotency-Key": "abcdefgh"}, "text/plain robot-7 abcdefgh"),
        ({"Authorization": "Bearer abcdef"}, "The Bearer scheme, abcde"),
        ({"Authorization": f"Basic {BASIC}"}, "Basic robots hunt"),
        ({"Authorization": "Basic not/base64!"}, "Basic base64"),
        ({"Authorization": 'Digest realm="example.com", uri="/path/of/it"'}, "example.com /path/of/it"),
        ({}, "anything"),
    ],
)  # fmt: skip
def test_a_text_without_a_secret_stays_as_it_is(headers: dict[str, str], text: str) -> None:
    assert Secrets(headers).hide(text) == text


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    secrets = Secrets({"X-A": "abcdefgh", "X-B": "efghijkl", "X-C": "cdefgh"})

    assert secrets.hide("-abcdefghijkl-") == f"-{MASK}-"


@pytest.mark.parametrize("n_characters", range(3, 12))
def test_a_secret_that_a_cut_divides_is_hidden(n_characters: int) -> None:
    secrets = Secrets({"X-Api-Key": "abc/abc/1234"})
    start = "abc/abc/1234"[:n_characters]

    assert secrets.hide(f"x {start}", is_cut=True) == f"x {MASK}"
    assert secrets.hide(f"x {start}") == f"x {start}"


def test_a_nul_between_its_characters_does_not_show_a_secret() -> None:
    text = "s3cret-token".encode("utf-16-le").decode("utf-8")

    assert Secrets({"X-Token": "s3cret-token"}).hide(text) == MASK


@given(st.text("abc \0\ud800"), st.text("xyz123/&%", min_size=MIN_SECRET_LENGTH), st.text("abc"))
def test_the_text_around_a_secret_stays(before: str, secret: str, after: str) -> None:
    shown = Secrets({"X-Token": secret}).hide(before + secret + after)

    assert shown == clean_text(before) + MASK + after


def test_hiding_takes_no_more_calls_for_a_longer_body() -> None:
    secrets = Secrets({f"X-Header-{number}": f"value/{number}-" + "é" * 100 for number in range(100)})
    n_calls = []
    for n in (1_100, 11_000):  # a call may read the whole body, so a call for each part of the body would be quadratic
        with counted_calls() as calls:
            assert secrets.hide("value/" * n, is_cut=True)
        n_calls.append(calls.n)
    assert n_calls[0] == n_calls[1]


@pytest.mark.parametrize("part", ["x", "a=", 'x="', "/", "y"])
@pytest.mark.parametrize("start", ["", "x="])
@pytest.mark.parametrize("name", ["Authorization", "Cookie", "X-Api-Key"])
def test_the_work_for_a_header_grows_with_its_length_alone(
    name: str, start: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = []
    for n_characters in (4_000, 16_000):
        value = start + part * (n_characters // len(part))
        steps = count_steps(redaction, monkeypatch, most=10 * len(value))
        Secrets({name: value})
        monkeypatch.undo()
        with counted_calls() as calls:
            assert Secrets({name: value}).hide("x=" * 30_000, is_cut=True)
        costs.append((steps.n, calls.n))
    (n_steps, n_calls), (more_steps, more_calls) = costs
    assert more_steps <= 5 * n_steps
    assert more_calls <= 5 * n_calls


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/a?x=1&y=", "/a?x=••••&y="),
        ("https://e.com/p?token#access_token=abc&b", "https://e.com/p?••••#access_token=••••&••••"),
        ("https://user:pass@e.com/p", "https://••••@e.com/p"),
        ("//e.com?a=b=c;d=e?f", "//e.com?a=••••;d=••••"),
        ("#fragment", "#••••"),
        ("/a?", "/a?"),
        ("/a/b", "/a/b"),
        ("", ""),
    ],
)
def test_the_values_of_a_query_are_hidden_and_its_names_are_not(url: str, shown: str) -> None:
    assert without_query_values(url) == shown
