"""The folder `.mainspring`: one launch at a time, the secret key, the logs, and the embedded stores' data."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
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


def given(name: str) -> bool:
    """Whether the environment has this variable, or the path of a file with its value."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


class DataFolder:
    """Everything that `make run` keeps."""

    def __init__(self, folder: Path) -> None:
        """Make the folder; raises CannotLaunch when that can't be done."""
        self.folder = folder
        try:
            for path in (folder, folder / "logs"):
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CannotLaunch(
                f"{folder} can't be made: {error.strerror}. Mainspring keeps its data there: check the owner, "
                "mode and free space of the folder above."
            ) from error
        self.stores: list[Server] = []  # those that `variables` has started
        self._lock_file = folder / "lock"
        self._processes = folder / "processes.json"

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Gives True and keeps other launches out until the block ends, or gives False: another one is running."""
        with self._lock_file.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield True

    def holder(self) -> str:
        """The process id of the launch that is running, for a message."""
        return self._lock_file.read_text() or "unknown"

    def secret_key(self) -> str:
        """Made once; sessions and tokens are signed with it."""
        path = self.folder / "secret-key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(50))
        return path.read_text()

    def variables(self, stack: ExitStack | None, say: Callable[[str], None] = lambda line: None) -> dict[str, str]:
        """The environment for Django: what the caller's names stays, and the rest is the embedded stores'.

        With a `stack` those are started, and stopped when it unwinds; without, they are taken to be running.
        """
        variables = dict(os.environ)
        variables.setdefault("MAINSPRING_HTTPS", "false")
        if not given("SECRET_KEY"):
            variables["SECRET_KEY"] = self.secret_key()
        if not (given("BROKER_URL") or given("REDIS_URL")):
            variables["BROKER_URL"] = variables["REDIS_URL"] = self._url(Valkey, stack)
        if not given("DATABASE_URL"):
            if stack and not (self.folder / Postgres.name).exists():
                say("Making a database of its own in .mainspring.")
            variables["DATABASE_URL"] = self._url(Postgres, stack)
        return variables

    def _url(self, kind: type[Postgres | Valkey], stack: ExitStack | None) -> str:
        folder = self.folder / kind.name
        if stack is None:
            return kind.url_of_running(folder)
        self.stores.append(stack.enter_context(kind(folder, durable=True)))
        return self.stores[-1].url

    def remember_processes(self, pids: dict[str, int]) -> None:
        """Noted for `stop_leftovers` of a later launch; on a full disk not, which only a killed launch would miss."""
        with suppress(OSError):
            self._processes.write_text(json.dumps(pids))

    def stop_leftovers(self) -> None:
        """End what a launch that was killed has left running: its programs, not its stores."""
        try:
            pids = [int(pid) for pid in json.loads(self._processes.read_text()).values()]
        except (FileNotFoundError, ValueError):
            return
        for number, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 2)):
            for pid in filter(_is_program, pids):
                os.killpg(pid, number)
            wait_until(lambda: not any(map(_is_program, pids)), seconds)
        self._processes.unlink()


def _is_program(pid: int) -> bool:
    return "scheduler_project" in command_line_of(pid)
