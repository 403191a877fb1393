"""Suggests known names that resemble an unknown name in the input."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MAX_COMPARED_LENGTH = 100  # characters; the time of a comparison grows with the square of the length
MAX_SUGGESTIONS = 3  # names: more would hide the right one
MIN_SIMILARITY = 0.6  # the default of difflib, which is enough for one or two typing errors


def did_you_mean(name: str, known_names: Iterable[str]) -> str:
    """Return ` Did you mean "a" or "b"?` with the most similar names first, or an empty text if none is similar.

    If the name differs from a known name only in upper and lower case, suggest only that known name.
    """
    by_fold = {known.casefold(): known for known in known_names}
    fold = name[:MAX_COMPARED_LENGTH].casefold()
    n_wanted = 1 if fold in by_fold else MAX_SUGGESTIONS
    near = get_close_matches(fold, by_fold, n=n_wanted, cutoff=MIN_SIMILARITY)
    quoted = [f'"{by_fold[match]}"' for match in near]
    return f" Did you mean {' or '.join(quoted)}?" if near else ""
