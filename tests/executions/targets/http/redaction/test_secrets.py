"""Proves that a job's secrets are hidden in whatever form a careless server echoes them, and nothing else is."""

from __future__ import annotations

import base64
import html
import json
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.headers import MASK
from executions.targets.http.redaction.secrets import MIN_SECRET_LENGTH, Secrets
from tests.steps import steps_of
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
    "json of Rails": lambda text: json.dumps(text, ensure_ascii=False)[1:-1].translate(
        {ord(char): f"\\u{ord(char):04x}" for char in "<>&"}
    ),
    "json of Gson": lambda text: json.dumps(text, ensure_ascii=False)[1:-1].translate(
        {ord(char): f"\\u{ord(char):04x}" for char in "<>&='"}
    ),
    "json of PHP with all options": lambda text: (
        json.dumps(text)[1:-1]
        .replace("/", "\\/")
        .replace('\\"', "\\u0022")
        .translate({ord(char): f"\\u{ord(char):04X}" for char in "<>&'"})
    ),
    "json in JSON": lambda text: json.dumps(json.dumps(text))[1:-1],
    "javascript": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "url, each character": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "url of Java": lambda text: quote(text, safe="*").replace("~", "%7E"),
    "encodeURI": lambda text: quote(text, safe=";,/?:@&=+$-_.!~*'()#"),
    "url in HTML": lambda text: html.escape(quote_plus(text)),
    "url in a URL": lambda text: quote(quote(text)),
    "html": html.escape,
    "html without quotes": lambda text: html.escape(text, quote=False),
    "html of Go": lambda text: html.escape(text).replace("+", "&#43;").replace("&quot;", "&#34;"),
    "html of Handlebars": lambda text: html.escape(text).replace("/", "&#x2F;").replace("=", "&#x3D;"),
    "xml": lambda text: html.escape(text).replace("&#x27;", "&apos;"),
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
        ("Authorization", f"Basic {BASIC}", "robot:hunter22/x"),
        ("Authorization", f"Basic {BASIC}", "hunter22%2fx"),
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
        ({"Accept": "text/plain", "User-Agent": "robot-7", "Idempotency-Key": "abcdefg"}, "text/plain robot-7 abcdefg"),
        ({"Authorization": "Bearer abcdef"}, "The Bearer scheme, abcde"),
        ({"Authorization": f"Basic {BASIC}"}, "Basic robots hunt"),
        ({"Authorization": "Basic not/base64!"}, "Basic base64"),
        ({}, "anything"),
    ],
)  # fmt: skip
def test_a_text_without_a_secret_stays_as_it_is(headers: dict[str, str], text: str) -> None:
    assert Secrets(headers).hide(text) == text


@pytest.mark.parametrize(
    ("secret", "echoed"),
    [
        ("s%3Aab12/cd34ef==", r"s%3Aab12\/cd34ef=="),
        ("k%2Fq8&Zt7/Xw9", "k%2Fq8&amp;Zt7/Xw9"),
        ("k%2Fq8&Zt7/Xw9", r"k%2Fq8&Zt7\/Xw9"),
        ("abc\tdefgh", r"abc\tdefgh"),
        ("abc/d&ef;", r"abc\/d&ef;"),
    ],
)
def test_a_secret_that_contains_escapes_itself_is_hidden(secret: str, echoed: str) -> None:
    assert Secrets({"X-Api-Key": secret}).hide(f"x {echoed} y") == f"x {MASK} y"


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    secrets = Secrets({"X-A": "abcdefgh", "X-B": "efghijkl", "X-C": "cdefgh"})

    assert secrets.hide("-abcdefghijkl-") == f"-{MASK}-"


@pytest.mark.parametrize("n_characters", range(3, 12))
def test_a_secret_that_a_cut_divides_is_hidden(n_characters: int) -> None:
    secrets = Secrets({"X-Api-Key": "abc/abc/1234"})
    start = "abc/abc/1234"[:n_characters]

    assert secrets.hide(f"x {start}", is_cut=True) == f"x {MASK}"
    assert secrets.hide(f"x {start}") == f"x {MASK if n_characters >= MIN_SECRET_LENGTH else start}"


@pytest.mark.parametrize("written", ["q1+Zt/8kLm0%2", "q1%2BZt%2F8kLm0%", "q1+Zt\\/8kLm0\\u00", "q1+Zt&#x2F;8kLm0&#x2"])
def test_a_secret_that_a_cut_divides_within_an_escape_is_hidden(written: str) -> None:
    assert Secrets({"X-Api-Key": "q1+Zt/8kLm0+9876"}).hide(f"x {written}", is_cut=True) == f"x {MASK}"


def test_less_than_half_of_a_secret_at_the_end_of_a_complete_text_stays() -> None:
    assert Secrets({"Authorization": "Bearer abc-123-def"}).hide("use Bearer") == "use Bearer"


def test_a_nul_between_its_characters_does_not_show_a_secret() -> None:
    text = "s3cret-token".encode("utf-16-le").decode("utf-8")

    assert Secrets({"X-Token": "s3cret-token"}).hide(text) == MASK


@given(st.text("abc \0\ud800"), st.text("xyz123/&%", min_size=MIN_SECRET_LENGTH), st.text("abc"))
def test_the_text_around_a_secret_stays(before: str, secret: str, after: str) -> None:
    shown = Secrets({"X-Token": secret}).hide(before + secret + after)

    assert shown == clean_text(before) + MASK + after


COSTLY = {
    "many headers": {f"X-Header-{number}": f"value/{number}-" + "é" * 100 for number in range(100)},
    "many cookies": {"Cookie": ";".join(f"a=aaaaaaa{number:x}" for number in range(1400))},
    "cookies of all lengths": {"Cookie": ";".join(f"a={'a' * length}" for length in range(6, 170))},
    **{
        f"{name} {value[:4]}": {name: value}
        for name in ("Authorization", "Cookie", "X-Api-Key")
        for value in ("x" * 16_000, "a=" * 8_000, "x=" + "y" * 16_000, 'x="' * 5_000, "/" * 16_000)
    },
}


@pytest.mark.long
@pytest.mark.parametrize("headers", COSTLY.values(), ids=COSTLY)
@pytest.mark.parametrize("unit", ["a", "value/", "x=", "%61", "&amp;", "\\u0061"])
def test_the_cost_of_hiding_grows_with_the_text_alone(headers: dict[str, str], unit: str) -> None:
    hider = Secrets(headers)
    hider.hide("")
    n_steps = [steps_of(partial(hider.hide, unit * n, is_cut=True)) for n in (500, 1000)]
    assert n_steps[1] < 2.2 * n_steps[0]
    assert n_steps[1] < 200 * 1000 * len(unit)


@pytest.mark.long
@pytest.mark.parametrize("headers", COSTLY.values(), ids=COSTLY)
def test_the_secrets_of_the_longest_headers_are_read_in_few_steps(headers: dict[str, str]) -> None:
    assert steps_of(lambda: Secrets(headers).hide("x")) < 150 * 16 * 1024


def test_a_text_is_hidden_if_there_are_too_many_secrets_to_search_it() -> None:
    too_many = Secrets({"Cookie": ";".join(f"a=é é {number:x}" for number in range(1400))})
    assert too_many.hide("anything") == MASK
    assert too_many.hide("") == ""
