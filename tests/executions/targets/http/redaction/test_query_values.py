"""Proves that the values in the query of a URL are hidden."""

from __future__ import annotations

import pytest

from executions.targets.http.redaction.query_values import without_query_values


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
