"""Searches for a part of a text, limited to parts that a trigram index can find."""

from __future__ import annotations

from django.db.models import Q

MIN_PART_LENGTH = 3  # characters: a trigram index cannot find shorter parts


def has_part(field: str, part: str) -> Q:
    """Return the filter for rows whose `field` contains `part`, ignoring case.

    A part of one or two characters must be at the start of the field, because a trigram index cannot find it elsewhere.
    """
    lookup = "icontains" if len(part) >= MIN_PART_LENGTH else "istartswith"
    return Q(**{f"{field}__{lookup}": part})
