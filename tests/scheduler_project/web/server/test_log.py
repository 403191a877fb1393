"""Proves with a real gunicorn that all lines of the web process have the project's format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.waiting import wait_until
from tests.web_process import WebProcess, running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

SITE = """
def app(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        raise RuntimeError("It broke.")
    start_response("200 OK", [("Content-Length", "0")])
    return []
"""


def test_every_line_is_a_json_object(tmp_path: Path) -> None:
    (tmp_path / "own_site.py").write_text(SITE)
    config = "workers, accesslog = 1, '-'\n"
    with running(tmp_path, "own_site:app", config, MAINSPRING_LOG_JSON="true") as site:
        site.ask(b"GET / HTTP/1.1\r\nA B\r\n\r\n")
        site.get("/fail")
        wait_until(lambda: b"It broke." in site.log.read_bytes(), what="the line")

    lines = [json.loads(line) for line in site.log.read_text().splitlines()]
    events = " ".join(line["event"] for line in lines)
    for part in ("Starting gunicorn", "Booting worker", "request_refused", "GET /health/live", "Shutting down"):
        assert part in events
    assert any("RuntimeError: It broke." in line.get("exception", "") for line in lines)
    assert all(line["level"] and line["timestamp"] for line in lines)


def test_the_log_level_also_holds_for_the_server(tmp_path: Path) -> None:
    (tmp_path / "own_site.py").write_text(SITE)
    site = WebProcess(tmp_path, "own_site:app", "workers = 1\n", MAINSPRING_LOG_LEVEL="WARNING")
    try:
        assert site.get("/").status == 200
        site.ask(b"GET / HTTP/1.1\r\nA B\r\n\r\n")
    finally:
        site.process.terminate()
        site.process.wait(30)
    lines = site.log.read_text().splitlines()
    assert [line for line in lines if "request_refused" not in line] == [], "gunicorn's own default is INFO"
    assert len(lines) == 1
