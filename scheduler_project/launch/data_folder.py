"""The folder `.mainspring`: the lock of the running launch, the secret key, logs, and the embedded stores' data."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import tempfile
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.postgres import Postgres
from scheduler_project.launch.processes import command_line_of, wait_until
from scheduler_project.launch.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from scheduler_project.launch.server import Server


LEFTOVER_STOP_TIMEOUT = 5  # seconds after SIGTERM
LEFTOVER_KILL_TIMEOUT = 2  # seconds after SIGKILL


def is_set(name: str) -> bool:
    """Return whether the environment variable `name` is set, directly or by a file (`<name>_FILE`)."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


class DataFolder:
    """The folder in which `make run` stores its data."""

    def __init__(self, folder: Path) -> None:
        """Create the folder and its folder `logs` if they are missing. Raises CannotLaunch if that fails."""
        self.path = folder
        try:
            for path in (folder, folder / "logs"):
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CannotLaunch(
                f"The folder {path} can't be created: {error.strerror}. Mainspring stores its data there. Check the "
                "owner, mode and free space of its parent folder."
            ) from error
        self.stores: list[Server] = []  # the embedded stores that `variables` has started
        self._lock_file = folder / "lock"
        self._processes = folder / "processes.json"

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Yield True and hold the lock until the block ends, or yield False if another process holds the lock."""
        with self._lock_file.open("a+") as lock:
            try:
                # The kernel releases this lock when the process ends, even by SIGKILL.
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield True

    def holder(self) -> str:
        """Return the id of the process that holds the lock, as text; "unknown" if the lock file is empty."""
        return self._lock_file.read_text() or "unknown"

    def secret_key(self) -> str:
        """Return the key that signs sessions and tokens. The key is created once: a new key would end all sessions."""
        path = self.path / "secret-key"
        if not path.exists() or not path.stat().st_size:
            # Written whole or not at all, and only once, even if another process creates the key at the same time.
            with tempfile.NamedTemporaryFile("w", dir=self.path, prefix="secret-key.") as new:
                new.write(secrets.token_urlsafe(50))
                new.flush()
                if path.exists() and not path.stat().st_size:
                    path.unlink()
                with suppress(FileExistsError):
                    path.hardlink_to(new.name)
        return path.read_text()

    def variables(self, stack: ExitStack | None, log: Callable[[str], None] = lambda line: None) -> dict[str, str]:
        """Return the environment variables for Django.

        These are the variables of this process and defaults for variables that are not set: MAINSPRING_HTTPS=false, a
        secret key, and the URLs of embedded stores. If one of BROKER_URL and REDIS_URL is set, the other gets no
        default. With `stack`, start the embedded stores, and stop them when `stack` unwinds. Without `stack`, use the
        stores of the running `make run`.
        """
        variables = dict(os.environ)
        variables.setdefault("MAINSPRING_HTTPS", "false")  # the web process serves plain HTTP on the loopback address
        if not is_set("SECRET_KEY"):
            variables["SECRET_KEY"] = self.secret_key()
        if not (is_set("BROKER_URL") or is_set("REDIS_URL")):
            variables["BROKER_URL"] = variables["REDIS_URL"] = self._url(Valkey, stack)
        if not is_set("DATABASE_URL"):
            if stack and not (self.path / Postgres.name).exists():
                log("Creating a database in .mainspring.")
            variables["DATABASE_URL"] = self._url(Postgres, stack)
        return variables

    def _url(self, kind: type[Postgres | Valkey], stack: ExitStack | None) -> str:
        folder = self.path / kind.name
        if stack is None:
            return kind.url_of_running(folder)
        self.stores.append(stack.enter_context(kind(folder, durable=True)))
        return self.stores[-1].url

    def remember_processes(self, pids: dict[str, int]) -> None:
        """Store the process ids of the programs. `stop_leftovers` of a later launch reads the ids."""
        # A full disk must not stop `make run`: the file is needed only if this launch is killed.
        with suppress(OSError):
            self._processes.write_text(json.dumps(pids))

    def stop_leftovers(self) -> None:
        """Stop the programs of an earlier launch that was killed.

        The stores of that launch are not stopped here: `Server` stops them before it starts them again.
        """
        try:
            pids = [int(pid) for pid in json.loads(self._processes.read_text()).values()]
        except (FileNotFoundError, ValueError):
            return
        for number, seconds in ((signal.SIGTERM, LEFTOVER_STOP_TIMEOUT), (signal.SIGKILL, LEFTOVER_KILL_TIMEOUT)):
            for pid in filter(_is_program, pids):
                with suppress(ProcessLookupError):  # it ended meanwhile
                    os.killpg(pid, number)
            wait_until(lambda: not any(map(_is_program, pids)), seconds)
        self._processes.unlink()


def _is_program(pid: int) -> bool:
    # The system may have given the id to another process in the meantime.
    return "scheduler_project" in command_line_of(pid)
