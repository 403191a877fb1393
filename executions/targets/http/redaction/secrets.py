"""Removes secrets from texts of a server before they are stored: careless servers echo what they were sent.

A server that changes a secret on purpose, for example by reversing it, can't be stopped by this.
"""

from __future__ import annotations

from functools import cached_property, reduce
from typing import TYPE_CHECKING

from executions.targets.http.headers import MASK, is_sensitive
from executions.targets.http.redaction.credentials import secret_parts
from executions.targets.http.redaction.escapes import HALF_ESCAPE, Unescaped
from executions.targets.http.redaction.word_search import WordSearch
from values.json_values import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MIN_SECRET_LENGTH = 6  # characters: hiding every `1` or `true` would make a text unreadable, and protects nothing
MIN_START_LENGTH = 3  # characters of a secret that a cut leaves at the end of a text
MAX_SEARCHED = 64 * 1024  # characters of all forms of all secrets. Beyond it, all texts are hidden
MAX_ESCAPES = 3  # layers, as in a URL in a JSON text in HTML

_LOWER = {ord(upper): ord(upper.lower()) for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}  # never changes a text's length


class Secrets:
    """The values of a job's request headers that may be credentials."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._values = {
            value
            for name, text in headers.items()
            if is_sensitive(name)
            for value in secret_parts(text)
            if len(value) >= MIN_SECRET_LENGTH
        }

    @property
    def n_characters(self) -> int:
        return sum(map(len, self._values))

    @cached_property
    def _search(self) -> WordSearch | None:
        """All forms of all values; None if they are too long. Made for the first text: a run may wait for hours."""
        words = {form.translate(_LOWER) for value in self._values for form in _forms(value)}
        return WordSearch(words) if sum(map(len, words)) <= MAX_SEARCHED else None

    def hide(self, text: str, *, is_cut: bool = False) -> str:
        """Return `text` as it can be stored, with MASK for each secret, whatever its case and encoding.

        The beginning of a secret at the end of the text is hidden too, if it is at least half of the secret. `is_cut`:
        the text is incomplete, so MIN_START_LENGTH characters of a secret are hidden there.
        """
        text = clean_text(text)
        if self._search is None:
            return MASK if text else ""
        shown: list[str] = []
        position = 0
        for start, end in self._spans(self._search, text, is_cut=is_cut) if self._values else ():
            if start >= position:
                shown += [text[position:start], MASK]
            position = max(position, end)
        return "".join([*shown, text[position:]])

    def hide_start(self, text: str, n_kept: int) -> str:
        """Return the first `n_kept` characters without secrets, at a cost that does not depend on the others."""
        return self.hide(text[:n_kept], is_cut=len(text) > n_kept)[:n_kept]

    def _spans(self, search: WordSearch, text: str, *, is_cut: bool) -> list[tuple[int, int]]:
        """Return where secrets stand in `text`, as it is and without one to MAX_ESCAPES layers of escapes."""
        spans = _find(search, text, is_cut=is_cut)
        layers: list[Unescaped] = []
        for _ in range(MAX_ESCAPES):
            layers.insert(0, Unescaped(text))
            if len(layers[0].text) == len(text):
                break
            text = layers[0].text
            for place in _find(search, text, is_cut=is_cut):
                start, end = (reduce(lambda at, layer: layer.begin_of(at), layers, each) for each in place)
                spans.append((start, end))
        return sorted(spans)


def _find(search: WordSearch, text: str, *, is_cut: bool) -> list[tuple[int, int]]:
    folded = text.translate(_LOWER)
    spans, state = search.spans(folded)
    n_begun = search.n_begun(state, MIN_START_LENGTH if is_cut else MIN_SECRET_LENGTH, is_half=not is_cut)
    half = HALF_ESCAPE.search(folded) if is_cut else None
    if half and not n_begun:
        n_begun = search.n_begun(search.spans(folded[: half.start()])[1], MIN_START_LENGTH, is_half=False)
        n_begun += len(half[0]) if n_begun else 0
    return [*spans, (len(text) - n_begun, len(text))] if n_begun else spans


def _forms(value: str) -> Iterator[str]:
    """Yield the forms that `value` has in a text without escapes. Escapes in `value` itself are removed there too."""
    yield value
    bare = value
    for _ in range(MAX_ESCAPES):
        bare = Unescaped(bare).text
        if len(bare) >= MIN_SECRET_LENGTH:
            yield bare
    yield value.replace(" ", "+")  # in forms
    if not value.isascii():  # sent as Latin-1, and read as UTF-8 or the other way round
        yield value.encode("latin-1", "replace").decode("utf-8", "replace")
        yield value.encode("utf-8", "replace").decode("latin-1")
