"""Hides from Django every charset of a body except UTF-8.

Python remembers forever each name of a charset that it was asked for, and Django asks for any name that a client sends.
Django also accepts `rot13` and `hex` as charsets, and then fails to decode the URL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HAS_OTHER_CHARSET = "mainspring.has_other_charset"  # the key in the environment of a request
_ANY = re.compile(r";\s*charset", re.IGNORECASE)
_UTF8 = re.compile(r""";\s*charset=(["']?)(?:utf-?8|us-ascii)\1\s*(?:;|\Z)""", re.IGNORECASE)


def without_other_charsets(application: WSGIApplication) -> WSGIApplication:
    """Return an application that sees no parameters of a Content-Type that states another charset.

    The application decides what happens to the request: `HAS_OTHER_CHARSET` is True in its environment.
    """

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        stated = environ.get("CONTENT_TYPE", "")
        if (n_stated := len(_ANY.findall(stated))) and not (n_stated == 1 and _UTF8.search(stated)):
            environ |= {"CONTENT_TYPE": stated.partition(";")[0].strip(), HAS_OTHER_CHARSET: True}
        return application(environ, start_response)

    return call
