"""One private server process with its folder, port and password: start, stop, kill, and start again in place."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import last_lines, quiet_environment, spawn, stop_leftover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections, so none of those is in the way.
PORTS = range(20000, 32000)
OLD_PROCESSES_GO = 5.0  # seconds: longer than this they are not waited for


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of the loopback address on which nothing listens now."""
    for port in random.sample(PORTS, 200):
        if port_is_free(port):
            return port
    raise CannotLaunch("No free port was found between 20000 and 32000. Close some programs and try again.")


class Server(ABC):
    """A server under `folder`, which is made when missing and holds its data, log, port and password.

    Used as a context manager, or by `start`, `stop` and `kill`; the port, password and data last from one start
    to the next, within one object and, for the data and password, between launches.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log = folder / f"{self.name}.log"
        self.port, self.password = self._remembered()

    def _remembered(self) -> tuple[int, str]:
        memory = self.folder / f"{self.name}.json"
        try:
            kept = json.loads(memory.read_text())
            port, password = int(kept["port"]), str(kept["password"])
        except (FileNotFoundError, ValueError, KeyError):
            port, password = 0, secrets.token_urlsafe(24)
        self._stop_leftover()
        if not port or not port_is_free(port):
            port = free_port()
            memory.touch(mode=0o600)
            memory.write_text(json.dumps({"port": port, "password": password}))
        return port, password

    @property
    def url(self) -> str:
        """Where clients find it, password included."""
        return self.address(self.port, self.password)

    @classmethod
    def url_of_running(cls, folder: Path) -> str:
        """The URL of the server that another launch runs in this folder; raises CannotLaunch when none ever ran."""
        try:
            kept = json.loads((folder / f"{cls.name}.json").read_text())
            return cls.address(int(kept["port"]), str(kept["password"]))
        except (FileNotFoundError, ValueError, KeyError) as error:
            raise CannotLaunch(f"There is no {cls.name} in {folder}. Start it with `make run`.") from error

    @staticmethod
    @abstractmethod
    def address(port: int, password: str) -> str:
        """The URL for this port and password."""

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """Written by the server itself; its first line is the process id."""

    @property
    @abstractmethod
    def mark(self) -> str:
        """A part of the command line that only this server has."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder and configuration; called before each start."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]:
        """Spawn the server."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Whether the server with this process id takes clients; told at once, or nearly."""

    def _still_in_use(self) -> bool:
        """Whether other processes of a killed server hold on to its data: until they have gone, none can start."""
        return False

    def _survivors(self) -> list[int]:
        """Those processes."""
        return []

    @property
    def running(self) -> bool:
        """Whether the process that `start` started is still there."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the started process ended, negative for a signal; None while it is there."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """The process id of a started server."""
        if self._process is None:
            raise CannotLaunch(f"{self.name} has not been started.")
        return self._process.pid

    def start(self, seconds: float = 120) -> Self:
        """Start and return once clients are served, recovery of a killed server included."""
        for _ in self.starting(seconds):
            time.sleep(0.01)
        return self

    def starting(self, seconds: float = 120) -> Iterator[None]:
        """`start` for a caller who can't wait: yields as long as there is something to wait for.

        Raises CannotLaunch when the server ends again, or does not serve within `seconds`.
        """
        self._stop_leftover()
        self._prepare()
        yield from self._until_free()
        process = self._process = self._launch()
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            if self._answers(process.pid):
                return
            yield
        happened = "stopped at once" if self.exit_code is not None else f"did not answer within {seconds:.0f} seconds"
        self.kill()
        raise CannotLaunch(f"{self.name} {happened}. The end of {self.log}:\n{last_lines(self.log)}")

    def _until_free(self) -> Iterator[None]:
        free_by = time.monotonic() + OLD_PROCESSES_GO
        while self._still_in_use():
            if time.monotonic() > free_by:
                for pid in self._survivors():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            if time.monotonic() > free_by + OLD_PROCESSES_GO:
                return
            yield

    def stop(self, seconds: float = 15) -> None:
        """Shut down in order; after `seconds`, kill."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would; `start` brings the server back with what it had made durable."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _stop_leftover(self) -> None:
        try:
            pid = int(self.pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if not self.running:
            stop_leftover(pid, mark=self.mark, by=self.stop_signal)

    def _spawn(self, command: list[str], *, user: int | None = None) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            environment = quiet_environment()
            return spawn(command, output=output, environment=environment, on_orphaned=self.stop_signal, user=user)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
