"""A private server with its own folder, port and password, that can be started, stopped, killed and restarted."""

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
from scheduler_project.launch.processes import last_lines, server_environment, spawn, stop_leftover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

HOST = "127.0.0.1"
PORTS = range(20000, 32000)  # below Linux's range for outgoing connections, which could use a port between two starts
N_PORT_TRIES = 200  # if all these ports are in use, the machine has another problem
# Seconds until the backends of a killed server are killed. After the same time again, the new server starts anyway.
OLD_PROCESSES_TIMEOUT = 5.0
START_TIMEOUT = 120  # seconds: after a crash a server first recovers its data
STOP_TIMEOUT = 15  # seconds; then the server is killed, which loses no committed data


def port_is_free(port: int) -> bool:
    """Return whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free port of the loopback address. Raises CannotLaunch if none is found."""
    for port in random.sample(PORTS, N_PORT_TRIES):
        if port_is_free(port):
            return port
    raise CannotLaunch("No free port was found between 20000 and 32000. Close some programs and try again.")


class Server(ABC):
    """A server whose log, port and password are in `folder`.

    Its data is in `folder` too, unless another user runs the server.

    Use the object as a context manager, or call `start`, `stop` and `kill`. A restart keeps the port, the password and
    all data that the server has written to disk. A new object for the same folder keeps them too, but chooses another
    port if the stored port is in use. The constructor stops a server that an earlier launch left running.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.log = folder / f"{self.name}.log"
        self.port, self.password = self._load_or_create_access()

    def _load_or_create_access(self) -> tuple[int, str]:
        """Return the port and the password that the folder stores. Create and store them if they are missing.

        Stops the server of an earlier launch. If another process uses the stored port, stores another port.
        """
        path = self.folder / f"{self.name}.json"
        try:
            stored = json.loads(path.read_text())
            port, password = int(stored["port"]), str(stored["password"])
        except (FileNotFoundError, ValueError, KeyError):
            port, password = 0, secrets.token_urlsafe(24)
        self._stop_leftover()  # first: an earlier server may use the stored port
        if not port or not port_is_free(port):
            port = free_port()
            path.touch(mode=0o600)
            path.write_text(json.dumps({"port": port, "password": password}))
        return port, password

    @property
    def url(self) -> str:
        """The URL for clients, with the password."""
        return self.address(self.port, self.password)

    @classmethod
    def url_of_running(cls, folder: Path) -> str:
        """Return the URL of the server that another launch runs in this folder.

        Raises CannotLaunch if no port and password are stored in the folder.
        """
        try:
            stored = json.loads((folder / f"{cls.name}.json").read_text())
            return cls.address(int(stored["port"]), str(stored["password"]))
        except (FileNotFoundError, ValueError, KeyError) as error:
            raise CannotLaunch(
                f"There is no {cls.name} in {folder}. Wait until `make run` is ready. If it uses stores of your own, "
                "set the same DATABASE_URL, BROKER_URL and REDIS_URL for this command."
            ) from error

    @staticmethod
    @abstractmethod
    def address(port: int, password: str) -> str:
        """Return the URL for this port and password."""

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """The file into which the server writes its process id, in the first line."""

    @property
    @abstractmethod
    def mark(self) -> str:
        """A part of the command line that identifies this server among all processes."""

    @abstractmethod
    def _prepare(self) -> None:
        """Create the data folder and the configuration. Called before each start."""

    @abstractmethod
    def _launch(self) -> subprocess.Popen[bytes]:
        """Start the server process."""

    @abstractmethod
    def _answers(self, pid: int) -> bool:
        """Return whether the server with this process id accepts clients. Must not block for long."""

    def _still_in_use(self) -> bool:
        """Return whether processes of a killed server still use its data. Until they end, no new server can start."""
        return False

    def _survivors(self) -> list[int]:
        """Return the ids of the processes that a killed server has left running."""
        return []

    @property
    def running(self) -> bool:
        """Whether the process that `start` started is still running."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code of the process, negative for a signal; None while it is running, and before the start."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """The server's process id. Raises CannotLaunch if the server has not been started."""
        if self._process is None:
            raise CannotLaunch(f"{self.name} has not been started.")
        return self._process.pid

    def start(self, seconds: float = START_TIMEOUT) -> Self:
        """Start the server and return when it accepts clients. Raises CannotLaunch.

        A server that was killed takes longer, because it first recovers its data.
        """
        for _ in self.starting(seconds):
            time.sleep(0.01)
        return self

    def starting(self, seconds: float = START_TIMEOUT) -> Iterator[None]:
        """Like `start`, for a caller that must not block for long: yields until the server accepts clients.

        Only the first step may block for long. It stops a server that an earlier launch left running (up to 20 s), and
        creates the data folder if the folder is missing. Raises CannotLaunch if the start fails, or if the server does
        not accept clients within `seconds` after the launch of its process.
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
        has_ended = self.exit_code is not None
        failure = "ended during its start" if has_ended else f"did not accept clients within {seconds:.0f} seconds"
        self.kill()
        raise CannotLaunch(f"{self.name} {failure}. The last lines of {self.log}:\n{last_lines(self.log)}")

    def _until_free(self) -> Iterator[None]:
        kill_at = time.monotonic() + OLD_PROCESSES_TIMEOUT
        while self._still_in_use():
            if time.monotonic() > kill_at:
                for pid in self._survivors():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            if time.monotonic() > kill_at + OLD_PROCESSES_TIMEOUT:
                return
            yield

    def stop(self, seconds: float = STOP_TIMEOUT) -> None:
        """Shut the server down, and kill it if it is still running after `seconds`."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL, as in a crash. `start` then starts the server again, with the data that is on the disk."""
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
            environment = server_environment()
            return spawn(command, output=output, environment=environment, on_orphaned=self.stop_signal, user=user)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
