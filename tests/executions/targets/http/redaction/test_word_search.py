"""Proves that the search finds the longest word at each place, as a naive search does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from executions.targets.http.redaction.word_search import WordSearch

WORDS = st.lists(st.text("abc", min_size=1, max_size=6), max_size=8)
TEXTS = st.text("abcd", max_size=40)


@given(WORDS, TEXTS)
def test_the_longest_word_that_ends_at_each_place_is_found(words: list[str], text: str) -> None:
    expected = []
    for end in range(len(text) + 1):
        lengths = [len(word) for word in words if text[:end].endswith(word)]
        expected += [(end - max(lengths), end)] if lengths else []
    assert WordSearch(words).spans(text)[0] == expected


@given(WORDS, TEXTS, st.integers(1, 4))
def test_the_longest_beginning_of_a_word_at_the_end_is_found(words: list[str], text: str, at_least: int) -> None:
    search = WordSearch(words)
    state = search.spans(text)[1]
    begun = [n for n in range(1, len(text) + 1) for word in words if word.startswith(text[-n:])]
    halves = [n for n in range(1, len(text) + 1) for word in words if word.startswith(text[-n:]) and 2 * n >= len(word)]
    for n_begun, is_half in ((begun, False), (halves, True)):
        longest = max(n_begun, default=0)
        assert search.n_begun(state, at_least, is_half=is_half) == (longest if longest >= at_least else 0)
