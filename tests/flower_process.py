"""Starts Flower as an operator does, on the tests' database."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.server import HOST, free_port, port_is_free
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Flower:
    """A running Flower on the tests' database, and an HTTP client of it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        database = settings.DATABASES["default"]
        where = f"{database['HOST']}:{database['PORT']}/{connection.settings_dict['NAME']}"
        environment = os.environ | {
            "DATABASE_URL": f"postgres://{database['USER']}:{database['PASSWORD']}@{where}",
            "MAINSPRING_HTTPS": "false",
        }
        command = [
            *(sys.executable, "-m", "celery", "-A", "scheduler_project.celery", "flower"),
            *("--conf=scheduler_project/flowerconfig.py", f"--address={HOST}", f"--port={self.port}"),
        ]
        self.log = folder / "flower.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        wait_until(lambda: not port_is_free(self.port) or self.process.poll() is not None, 60, what="Flower's port")
        assert self.process.poll() is None, self.log.read_text()

    def request(self, path: str, *, cookies: str = "", method: str = "GET") -> tuple[int, str, str]:
        """Return the status, and the headers Location and Set-Cookie."""
        response = self._send(method, path, cookies)
        return response.status, response.getheader("Location", ""), response.getheader("Set-Cookie", "")

    def headers(self, path: str, *, cookies: str) -> http.client.HTTPMessage:
        return self._send("GET", path, cookies).headers

    def _send(self, method: str, path: str, cookies: str) -> http.client.HTTPResponse:
        client = http.client.HTTPConnection(HOST, self.port, timeout=10)
        client.request(method, path, headers={"Cookie": cookies})
        response = client.getresponse()
        response.read()
        client.close()
        return response

    def sign_in(self, session: str) -> str:
        """Return Flower's own cookie for this Django session; empty if Flower sets none."""
        _, _, cookie = self.request("/login?next=/tasks", cookies=f"{settings.SESSION_COOKIE_NAME}={session}")
        return cookie.split(";")[0] if cookie.startswith("user=") and not cookie.startswith('user="";') else ""


@contextmanager
def running_flower(folder: Path) -> Iterator[Flower]:
    flower = Flower(folder)
    try:
        yield flower
    finally:
        flower.process.terminate()
        flower.process.wait(20)
    assert not command_line_of(flower.process.pid)
