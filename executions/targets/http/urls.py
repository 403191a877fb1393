"""What a URL must look like, and where a redirect leads. One parser for the check and the connection."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

MAX_LENGTH = 2048
MAX_REDIRECT_LENGTH = 8192  # signed URLs are long, and nobody typed them
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_ADDRESS_V6 = re.compile(r"\[[0-9a-f:.]+\]", re.ASCII)

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An absolute http or https URL, taken apart by the only parser that is used."""

    scheme: str
    host: str  # ASCII, lower case; an IPv6 address without its brackets
    port: int
    target: str  # path and query, as sent
    text: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return (self.scheme, self.host, self.port)


def parse_http_url(text: str, longest: int = MAX_LENGTH) -> HttpUrl:
    """Take a URL apart; raises ValueError with a sentence that says what to change."""
    if len(text) > longest:
        raise ValueError(f"This URL has {len(text)} characters: {longest} is the most.")
    if any(unicodedata.category(character)[0] in "ZC" for character in text) or "\\" in text:
        raise ValueError("A URL has no spaces, backslashes or control characters: percent-encode them.")
    url = _parse(text)
    if "#" in text:
        raise ValueError("Leave out the #fragment: it is never sent to a server.")
    host = url.host or ""
    if not (_NAME.fullmatch(host) or _ADDRESS_V6.fullmatch(host)):
        raise ValueError("Give a host name or address after http:// or https://, such as https://example.com/hook.")
    scheme = url.scheme or ""
    port = url.port if url.port is not None else {"http": 80, "https": 443}[scheme]
    if not 1 <= port <= 65535:
        raise ValueError("A port is a number from 1 to 65535.")
    return HttpUrl(scheme=scheme, host=host.strip("[]"), port=port, target=url.request_uri, text=url.url)


def _parse(text: str) -> Url:
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("Give a full URL that begins with http:// or https://.")
    try:
        url = parse_url(text)
    except (LocationParseError, ValueError) as error:
        raise ValueError("This is not a URL: check the host name and the port.") from error
    # An empty one (`https://@host`) as well, which the parser drops without a word.
    if url.auth is not None or "@" in re.split("[/?#]", text.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("Don't put a user name or password into the URL: send an Authorization header instead.")
    return url


def with_query(text: str, query: dict[str, Scalar | list[Scalar]]) -> str:
    """Append `query` to what the URL already has."""
    if not query:
        return text
    pairs = [
        (name, _spell(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    encoded = urlencode(pairs, quote_via=quote)
    if not encoded:
        return text
    return f"{text}{'&' if '?' in text else '?'}{encoded}"


def _spell(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def follow(base: HttpUrl, location: str) -> HttpUrl:
    """Return where a Location header leads; raises ValueError if no request may go there."""
    # http.client reads headers as Latin-1, while servers send UTF-8.
    with contextlib.suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")
    joined = urljoin(base.text, location.strip())
    return parse_http_url(joined.partition("#")[0], MAX_REDIRECT_LENGTH)
