"""Finds many words in a text in one pass, whose time does not depend on the number of words."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class WordSearch:
    """The words as a tree of characters (Aho and Corasick, 1975, "Efficient string matching").

    A state of the search is the longest end of the text so far that some word begins with. State 0: no word does.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]  # the state after one more character of a word
        self._shorter = [0]  # the state of the next shorter end of the text
        self._length = [0]  # characters of the state
        self._missing = [0]  # characters between the state and the nearest end of a word that begins with it
        self._found = [0]  # length of the longest word that the state ends with; 0: none
        for word in words:
            self._add(word)
        self._link()
        self._first = re.compile("[" + "".join(map(re.escape, self._next[0])) + "]") if self._next[0] else None

    def spans(self, text: str) -> tuple[list[tuple[int, int]], int]:
        """Return the beginning and end of the longest word that ends at each place, and the state at the text's end."""
        found: list[tuple[int, int]] = []
        state = index = 0
        while self._first and index < len(text):
            if not state:
                begin = self._first.search(text, index)
                if begin is None:
                    break
                index = begin.start()
            character = text[index]
            while state and character not in self._next[state]:
                state = self._shorter[state]
            state = self._next[state].get(character, 0)
            index += 1
            if length := self._found[state]:
                found.append((index - length, index))
        return found, state

    def n_begun(self, state: int, at_least: int, *, is_half: bool) -> int:
        """Return how many characters at the end of the text are the beginning of a word, if `at_least` that many are.

        `is_half`: only the beginning of a word counts that has at least half of the word.
        """
        while state and is_half and self._missing[state] > self._length[state]:
            state = self._shorter[state]
        return self._length[state] if self._length[state] >= at_least else 0

    def _add(self, word: str) -> None:
        state = 0
        for n_read, character in enumerate(word, start=1):
            following = self._next[state].get(character)
            if following is None:
                following = self._next[state][character] = len(self._next)
                self._next.append({})
                self._shorter.append(0)
                self._length.append(n_read)
                self._missing.append(len(word) - n_read)
                self._found.append(0)
            state = following
            self._missing[state] = min(self._missing[state], len(word) - n_read)
        self._found[state] = len(word)

    def _link(self) -> None:
        waiting = deque(self._next[0].values())
        while waiting:
            state = waiting.popleft()
            for character, following in self._next[state].items():
                shorter = self._shorter[state]
                while shorter and character not in self._next[shorter]:
                    shorter = self._shorter[shorter]
                shorter = self._shorter[following] = self._next[shorter].get(character, 0)
                self._found[following] = self._found[following] or self._found[shorter]
                waiting.append(following)
