"""Proves that each part of a header's value that a server may echo alone is found, whatever the header's grammar."""

from __future__ import annotations

import base64

import pytest

from executions.targets.http.redaction.credentials import secret_parts

SECRET = "hunter22/x"
BASIC = base64.b64encode(f"robot:{SECRET}".encode()).decode()
IN_URLS = base64.urlsafe_b64encode(b"robot:\xff\xfe\xfd????").decode()


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ("abc-123-def", "abc-123-def"),
        ("correct horse", "correct horse"),
        ("Bearer abc-123-def", "abc-123-def"),
        ("Bearer\tabc-123-def", "abc-123-def"),
        ("Token  abc-123-def", "abc-123-def"),
        ("Bearer, abc-123-def", "abc-123-def"),
        ("Bearer abc-123-def other", "abc-123-def"),
        ("Bearer abc-123-def other", "abc-123-def other"),
        ("Bearer abc123==", "abc123=="),
        ("Bearer abc123=", "abc123"),
        (f"Basic {BASIC}", BASIC),
        (f"Basic {BASIC}", f"robot:{SECRET}"),
        (f"basic\t{BASIC}", SECRET),
        (f"Basic {BASIC.rstrip('=')}", SECRET),
        (f"Basic {base64.b64encode(f'robot:{SECRET}'.encode() + bytes([10])).decode()}", SECRET),
        (f"Basic {IN_URLS}", "ÿþý????"),
        ("Basic sécretpassword", "sécretpassword"),
        ('Digest username="robot", realm="example", response="6629fae4"', "6629fae4"),
        ('Digest response = "6629fae4"', "6629fae4"),
        ('Digest response="ab\\"cd\\"ef"', 'ab"cd"ef'),
        ('Digest response="a, b", opaque="ef gh, ij"', "ef gh, ij"),
        ("Custom username=6629fae4", "6629fae4"),
        ("AWS4-HMAC-SHA256 Credential=AKID1234/eu, Signature=5d672d79", "5d672d79"),
        ("AWS4-HMAC-SHA256 Credential=AKID1234/eu, Signature=5d672d79", "AKID1234/eu"),
        ("t=1492774577,v1=5257a869", "5257a869"),
        ("SharedAccessSignature sr=example&sig=5d672d79%3D&se=14", "5d672d79%3D"),
        ("theme=dark; session=abc-123-def", "abc-123-def"),
        ("a=1; session!=abc-123", "abc-123"),
        ("a=1; s[id]=abc-123", "abc-123"),
        ("a=1; session=abc,defghi", "abc,defghi"),
        ("session=abc defghi; a=1", "abc defghi"),
        ('session={"t":"abc-123"}', "abc-123"),
        ('a=1; session={"t":"a,b;c"}', '{"t":"a,b'),
        ('session=ab"defghi', 'ab"defghi'),
        ("a=1; abc-123", "abc-123"),
        ("a=1; =abc-123", "abc-123"),
        ("s =abc-123", "abc-123"),
        ("s= abc-123", "abc-123"),
        ("robot:hunter22", "hunter22"),
        (f"Basic {base64.b64encode(b'sk_live_1:').decode()}", "sk_live_1"),
        ("Custom key='abc def ghi'", "abc def ghi"),
        ("{'a': 'b c d e f'}", "b c d e f"),
        ("https://bob:hunter22@example.com/x", "hunter22"),
        ("", ""),
    ],
)
def test_a_part_that_may_be_echoed_alone_is_found(value: str, part: str) -> None:
    assert part in secret_parts(value)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("Bearer abcdef", "Bearer"),
        ("bearer abcdef", "bearer"),
        ("AWS4-HMAC-SHA256 Credential=AKID1234", "AWS4-HMAC-SHA256"),
        ("AWS4-HMAC-SHA256 Credential=AKID1234", "Credential"),
        ("theme=dark; session=abc", "session"),
        ('Digest username="robot"', "username"),
        ("Basic not/base64!", "base64"),
    ],
)
def test_a_scheme_and_a_name_are_no_secrets(value: str, word: str) -> None:
    assert word not in secret_parts(value)


@pytest.mark.parametrize("part", ["x", "a=", 'x="', "/", "y", '\\"', '"', " ", "a ", "a,", "=", "\\"])
@pytest.mark.parametrize("start", ["", "x=", "Basic ", '"'])
def test_the_parts_together_are_a_few_times_as_long_as_the_value(start: str, part: str) -> None:
    value = start + part * (16_000 // len(part))

    assert sum(map(len, secret_parts(value))) <= 10 * len(value)
