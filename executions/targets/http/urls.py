"""Parses and checks the URLs of targets and redirects. The checks and the connections use the same parser."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

MAX_URL_LENGTH = 2048  # characters of a configured URL
MAX_REDIRECT_LENGTH = 8192  # characters of a URL to which a server redirects: signed URLs are long
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_ADDRESS_V6 = re.compile(r"\[[0-9a-f:.]+\]", re.ASCII)
_MARGINS = "".join(map(chr, range(0x21)))  # control characters and space
_DROPPED = re.compile(r"[\t\r\n]")
# All but printable ASCII, the characters that browsers encode in paths or queries, and any % that encodes nothing.
_NOT_IN_URLS = re.compile(r"""[^\x21-\x7e]+|["<>\\^`{|}]|%(?![0-9A-Fa-f]{2})""")

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An absolute http or https URL in its parts."""

    scheme: str
    host: str  # ASCII, lower case; an IPv6 address without its brackets
    port: int
    target: str  # path and query, as sent
    text: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)


def parse_http_url(text: str, max_length: int = MAX_URL_LENGTH) -> HttpUrl:
    """Parse a URL. Raises ValueError with a sentence that says what to change."""
    _check_length(text, max_length)
    if any(unicodedata.category(character)[0] in "ZC" for character in text) or "\\" in text:
        raise ValueError("A URL must not contain spaces, backslashes or control characters: percent-encode them.")
    url = _parse(text)
    if "#" in text:
        raise ValueError("Remove the #fragment: it is never sent to a server.")
    host = url.host or ""
    if not (_NAME.fullmatch(host) or _ADDRESS_V6.fullmatch(host)):
        raise ValueError("Write a host name or address after http:// or https://, such as https://example.com/hook.")
    scheme = url.scheme or ""
    port = url.port if url.port is not None else {"http": 80, "https": 443}[scheme]
    if not 1 <= port <= 65535:
        raise ValueError("The port must be a number from 1 to 65535.")
    return HttpUrl(scheme=scheme, host=host.strip("[]"), port=port, target=url.request_uri, text=url.url)


def _check_length(text: str, max_length: int) -> None:
    if len(text) > max_length:
        raise ValueError(f"This URL has {len(text)} characters: at most {max_length} are allowed.")


def _parse(text: str) -> Url:
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("Write a full URL that begins with http:// or https://.")
    try:
        url = parse_url(text)
    except (LocationParseError, ValueError) as error:
        raise ValueError("This is not a valid URL: check the host name and the port.") from error
    # The parser ignores empty credentials (`https://@host`), so search for them in the text.
    if url.auth is not None or "@" in re.split("[/?#]", text.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("The URL must not contain a user name or password: send an Authorization header instead.")
    return url


def with_query(text: str, query: dict[str, Scalar | list[Scalar]]) -> str:
    """Return the URL `text` with the parameters in `query` appended. Parameters that the URL already has stay."""
    if not query:
        return text
    pairs = [
        (name, _as_text(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    encoded = urlencode(pairs, quote_via=quote)
    if not encoded:
        return text
    return f"{text}{'&' if '?' in text else '?'}{encoded}"


def _as_text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def follow(base: HttpUrl, location: str) -> HttpUrl:
    """Return the full URL of a redirect from `base` to `location`. Raises ValueError if the URL can't be requested.

    `location` is read as browsers read it: line breaks and tabs are dropped, a backslash is a slash, and characters
    that no URL may contain are percent-encoded. The result is checked like any other URL.
    """
    _check_length(location, MAX_REDIRECT_LENGTH)  # before work that takes longer for a longer text
    # The header was decoded as Latin-1, but servers send UTF-8. Other bytes are percent-encoded as they are.
    location = location.encode("latin-1", "replace").decode("utf-8", "surrogateescape")
    location = _DROPPED.sub("", location.strip(_MARGINS)).partition("#")[0]
    path, mark, query = location.partition("?")
    joined = urljoin(base.text, path.replace("\\", "/") + mark + _encode(query))
    scheme, separator, rest = joined.partition("://")
    slash = min((rest.find(character) for character in "/?" if character in rest), default=len(rest))
    return parse_http_url(scheme + separator + rest[:slash] + _encode(rest[slash:]), MAX_REDIRECT_LENGTH)


def _encode(part: str) -> str:
    return _NOT_IN_URLS.sub(lambda found: quote(found[0], safe="", errors="surrogateescape"), part)
