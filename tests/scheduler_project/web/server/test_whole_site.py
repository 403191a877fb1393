"""Proves with the real site that files, pages and long responses arrive complete, and that unread ones delay nobody."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from django.contrib.staticfiles import finders

from scheduler_project.web.openapi import document
from tests.acceptance.processes import database_url
from tests.web_process import WebProcess, running

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

STYLES = "mainspring/admin.css"
LARGE_FILE = "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"  # the kernel's buffers do not hold it
# More files than this process may open, were it not for its limit.
FEW_FILES = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\nworkers = 1\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[WebProcess]:
    with running(tmp_path_factory.mktemp("web"), config=FEW_FILES, DATABASE_URL=database_url()) as web:
        yield web


def content_of(name: str) -> bytes:
    path = finders.find(name)
    assert isinstance(path, str)
    with open(path, "rb") as file:
        return file.read()


def test_a_file_arrives_complete_or_in_the_part_that_is_asked_for(site: WebProcess) -> None:
    whole = content_of(STYLES)
    head = f" /static/{STYLES} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

    assert site.ask(f"GET{head}\r\n".encode()).body == whole
    empty = site.ask(f"HEAD{head}\r\n".encode(), end=True)
    assert (empty.status, empty.body, empty.headers["content-length"]) == (200, b"", str(len(whole)))
    part = site.ask(f"GET{head}Range: bytes=10-19\r\n\r\n".encode())
    assert (part.status, part.body) == (206, whole[10:20])


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/nothing", "/admin/login/", "/api/v1/openapi.json"])
def test_the_response_to_head_has_the_length_of_get(site: WebProcess, path: str) -> None:
    head = site.ask(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), end=True)
    get = site.get(path)

    assert (head.status, head.body, head.headers["content-length"]) == (get.status, b"", str(len(get.body)))
    assert b"no-body response" not in site.log.read_bytes()


def test_the_document_arrives_complete(site: WebProcess) -> None:
    assert site.get("/api/v1/openapi.json").body == document()


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", f"/static/{STYLES}", f"/static/{LARGE_FILE}"])
def test_clients_that_do_not_read_their_responses_delay_nobody(site: WebProcess, path: str) -> None:
    with ExitStack() as unread:
        for _ in range(100):
            client = unread.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(20)
            client.connect(site.address)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert site.get("/health/live").status == 200
        assert site.get("/admin/login/").status == 200
    assert b"Too many open files" not in site.log.read_bytes()


def test_a_process_that_may_open_few_files_closes_the_oldest_connections(site: WebProcess) -> None:
    with ExitStack() as silent:
        for _ in range(300):
            silent.enter_context(site.connect())
        assert site.get("/health/live").status == 200
        assert site.get("/admin/login/").status == 200
    assert b"Traceback" not in site.log.read_bytes()
