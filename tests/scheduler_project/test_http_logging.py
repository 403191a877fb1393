"""Proves that no log line of a worker contains what a server sends or the query of a URL, at any log level."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import pytest
import urllib3

from executions.targets.http.target import HttpTarget
from tests.raw_server import OK, raw_server, then_close
from tests.real_log import real_log
from tests.target_context import RecordingContext
from tests.valid_targets import parse

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from pytest_django import Settings

MALFORMED = [
    b"HTTP/1.1 200 OK\r\nSet-Cookie: id=s3cret\r\nno header s3cret\r\nX-Token: s3cret\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\n Set-Cookie: id=s3cret\r\nContent-Length: 2\r\n\r\nok",
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nX-Token: s3cret\r\n\r\n"
        b"2\r\nok\r\n0\r\n\r\n"
    ),
    b"HTTP/1.1 200 OK\r\nContent-Length: s3cret\r\n\r\nok",
    OK,
]


@pytest.fixture(params=["DEBUG", "INFO", "WARNING"])
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    with real_log(request.param) as written:
        yield written


@pytest.mark.parametrize("answer", MALFORMED)
def test_a_call_writes_no_header_and_no_query_into_the_log(
    answer: bytes, lines: io.StringIO, settings: Settings
) -> None:
    settings.MAINSPRING = dataclasses.replace(settings.MAINSPRING, http_allow_private_networks=True)
    with raw_server(then_close(answer)) as server:
        config = parse({"kind": "http", "url": server.url("/hook?token=s3cret")}, None)
        HttpTarget().execute(config, None, RecordingContext())
        assert len(server.requests) == 1
    logging.getLogger("a.command").warning("seen")
    assert "s3cret" not in lines.getvalue()
    assert "seen" in lines.getvalue()


@pytest.mark.parametrize("answer", MALFORMED[:2])
def test_a_command_that_uses_urllib3_writes_none_either(answer: bytes, lines: io.StringIO) -> None:
    with raw_server(then_close(answer)) as server:
        urllib3.PoolManager(retries=2).request("GET", server.url("/hook?token=s3cret"))
    assert "s3cret" not in lines.getvalue()
