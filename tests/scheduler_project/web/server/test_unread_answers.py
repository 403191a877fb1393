"""Proves that clients who do not read long lists cannot make the web process occupy much memory."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from access.models import ApiKey
from tests.acceptance.processes import database_url
from tests.factories import make_job
from tests.web_process import WebProcess, running

if TYPE_CHECKING:
    from django.contrib.auth.models import User

pytestmark = [pytest.mark.long, pytest.mark.alone, pytest.mark.django_db(transaction=True)]

LARGE = {"message": "x" * 240_000}


def memory_of_worker(site: WebProcess, name: str) -> int:
    """Return the megabytes that a line of the process's status names."""
    main = site.process.pid
    worker = Path(f"/proc/{main}/task/{main}/children").read_text().split()[0]
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines())
    return int(lines[name].split()[0]) // 1024


def test_unread_lists_occupy_little_memory(tmp_path: Path, staff: User) -> None:
    for _ in range(100):
        make_job(payload=LARGE)
    _, key = ApiKey.issue(user=staff, name="tests")
    request = f"GET /api/v1/jobs?page_size=200 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
    with running(tmp_path, config="workers = 1\n", DATABASE_URL=database_url()) as site, ExitStack() as unread:
        assert site.get("/admin/login/").status == 200
        before = memory_of_worker(site, "VmRSS")
        for _ in range(100):
            client = unread.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the kernel reads megabytes for it
            client.connect(site.address)
            client.sendall(request.encode())
        assert site.get("/admin/login/").status == 200, "served last, because all clients have one address"
        print(f"before: {before} MB, at most: {memory_of_worker(site, 'VmHWM')} MB")
        assert memory_of_worker(site, "VmHWM") - before < 250, "eight threads build a page at the same time"
