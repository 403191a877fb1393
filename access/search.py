"""Search by a part of a text, with the bounds that keep it on an index."""

from __future__ import annotations

from django.db.models import Q

SHORTEST_PART = 3  # characters: the trigrams of the index know no shorter part


def has_part(field: str, part: str) -> Q:
    """Return the filter for rows whose `field` has `part` anywhere, in upper or lower case.

    A part of one or two characters must stand at the start of the field: the index cannot find it elsewhere.
    """
    lookup = "icontains" if len(part) >= SHORTEST_PART else "istartswith"
    return Q(**{f"{field}__{lookup}": part})
