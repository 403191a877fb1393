"""Proves with a real gunicorn that a client's headers about a proxy are ignored if there is no proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web_process import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

SITE = """
def app(environ, start_response):
    names = [name for name in environ if name.startswith("HTTP_X_F") or name.startswith("HTTP_SCRIPT")]
    text = f"{environ['wsgi.url_scheme']} {environ['SCRIPT_NAME']!r} {environ['REMOTE_ADDR']} {sorted(names)}"
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text.encode()]
"""
PROTO = "HTTP_X_FORWARDED_PROTO"


@pytest.mark.parametrize(
    ("header", "without", "behind"),
    [
        ("X-Forwarded-Proto: https", ("http", "''", [PROTO]), ("https", "''", [PROTO])),
        ("X_Forwarded_Proto: https", ("http", "''", []), ("http", "''", [])),
        ("X-Forwarded-Ssl: on", ("http", "''", ["HTTP_X_FORWARDED_SSL"]), ("http", "''", ["HTTP_X_FORWARDED_SSL"])),
        ("SCRIPT_NAME: /health", ("http", "''", []), ("http", "''", [])),
        ("SCRIPT_NAME: /evil", ("http", "''", []), ("http", "''", [])),
        ("PATH_INFO: /elsewhere", ("http", "''", []), ("http", "''", [])),
    ],
)
def test_headers_of_a_proxy_are_believed_only_behind_a_proxy(
    tmp_path: Path, header: str, without: tuple[str, str, list[str]], behind: tuple[str, str, list[str]]
) -> None:
    (tmp_path / "own_site.py").write_text(SITE)
    request = f"GET /health/live HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode()
    for flag, (scheme, script, names) in (("false", without), ("true", behind)):
        with running(tmp_path, "own_site:app", "workers = 1\n", MAINSPRING_BEHIND_PROXY=flag) as web:
            assert web.ask(request).body.decode() == f"{scheme} {script} 127.0.0.1 {names}"
