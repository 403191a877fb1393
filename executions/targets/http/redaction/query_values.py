"""Hides the values in the query of a URL: a server may put a token there."""

from __future__ import annotations

import re

from executions.targets.http.headers import MASK

_URL_QUERY = re.compile(r"(?<=[?&#;])([^=&;#]*)(=?)([^&;#]*)")


def without_query_values(url: str) -> str:
    """Return the URL of a response header with MASK for each value of its query and fragment, and for a password.

    A server may put a token into the URL: a signature of a storage service, or a code of a sign-in.
    """
    head, mark, tail = _split_query(url)
    head = re.sub(r"(?<=//)[^/?#]*@", f"{MASK}@", head)
    return head + mark + _URL_QUERY.sub(_mask_value, mark + tail)[len(mark) :] if mark else head


def _split_query(url: str) -> tuple[str, str, str]:
    found = re.search(r"[?#]", url)
    return (url, "", "") if found is None else (url[: found.start()], found[0], url[found.end() :])


def _mask_value(found: re.Match[str]) -> str:
    name, equals, value = found.groups()
    if equals:
        return f"{name}={MASK}" if value else f"{name}="
    return MASK if name else ""
