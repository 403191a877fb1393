"""Starts the web process as an operator does, and talks to it over sockets, byte by byte."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
APPLICATION = "scheduler_project.wsgi"
CONFIG = "from scheduler_project.gunicornconfig import *\n"


class WebProcess:
    """A running gunicorn. `config`: lines that are added to gunicorn's configuration."""

    def __init__(self, folder: Path, application: str = APPLICATION, config: str = "", **environment: str) -> None:
        (folder / "config.py").write_text(CONFIG + config)
        self.log = folder / "web.log"
        listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.address = listener.getsockname()
        command = [sys.executable, "-m", "gunicorn", application, "--config", str(folder / "config.py")]
        with listener, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--pythonpath", str(folder), "--bind", f"fd://{listener.fileno()}"],
                cwd=ROOT,
                pass_fds=[listener.fileno()],
                stdout=log,
                stderr=log,
                env=os.environ | {"MAINSPRING_HTTPS": "false", "MAINSPRING_DB_POOL": "4"} | environment,
            )

    def connect(self, text: bytes = b"") -> socket.socket:
        client = socket.create_connection(self.address, timeout=20)
        client.sendall(text)
        return client

    def ask(self, text: bytes, *, end: bool = False) -> Answer:
        """Send bytes and return the answer. `end`: close the sending side after them."""
        with self.connect(text) as client:
            if end:
                client.shutdown(socket.SHUT_WR)
            return read_answer(client)

    def get(self, path: str) -> Answer:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())


class Answer:
    """The last response in some bytes: 100 Continue is passed over."""

    def __init__(self, text: bytes) -> None:
        self.raw = text
        self.n_continues = text.count(b"HTTP/1.1 100 Continue\r\n\r\n")
        head, _, self.body = text.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").partition(b"\r\n\r\n")
        line, *headers = head.decode("latin-1").split("\r\n")
        self.status = int(line.split(" ")[1]) if line else 0
        self.headers = {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}


def read_answer(client: socket.socket) -> Answer:
    """Read one response, of which the length must be known, or all until the end of the connection."""
    text = b""
    while data := client.recv(1 << 20):
        text += data
        head, end, body = text.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"").partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if end and length and len(body) >= int(length[1]):
            break
    return Answer(text)


@contextmanager
def running(folder: Path, application: str = APPLICATION, config: str = "", **environment: str) -> Iterator[WebProcess]:
    """Start the web process, wait until it serves requests, and stop it at the end."""
    web = WebProcess(folder, application, config, **environment)
    try:
        wait_until(lambda: b"Booting worker" in web.log.read_bytes(), what="a worker")
        assert web.get("/health/live").status == 200, web.log.read_text()
        yield web
    finally:
        web.process.terminate()
        web.process.wait(30)
