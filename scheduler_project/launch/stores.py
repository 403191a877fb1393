"""Runs a command with test stores: `python -m scheduler_project.launch.stores [options] -- COMMAND`."""

from __future__ import annotations

import argparse
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.postgres import Postgres
from scheduler_project.launch.processes import unwind_on_signals
from scheduler_project.launch.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

PREFIX = "mainspring-"
VARIABLES = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that is removed at the end. Also remove the folders that killed processes have left."""
    parent = Path(tempfile.gettempdir())
    for old in parent.glob(f"{PREFIX}*/owner.lock"):
        with suppress(FileNotFoundError):  # another process is removing the same folder
            if old.stat().st_uid == os.geteuid() and (lock := _lock(old)):
                shutil.rmtree(old.parent, ignore_errors=True)
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _lock(folder / "owner.new")
    (folder / "owner.new").rename(folder / "owner.lock")  # renamed after the lock: no other process sees it unlocked
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock:
            os.close(lock)


def _lock(path: Path) -> int | None:
    """Lock a file and return its descriptor, or None if another process holds the lock.

    A missing file is created. The lock is released when the descriptor is closed or the process ends.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def postgres(
    folder: Path | None = None, *, durable: bool = False, bin_folder: Path | None = None
) -> Iterator[Postgres]:
    """Start a PostgreSQL server and yield it. Without `folder`, the server's data is removed at the end."""
    with ExitStack() as stack:
        server_folder = folder or stack.enter_context(temporary_folder()) / "postgres"
        server = Postgres(server_folder, durable=durable, bin_folder=bin_folder)
        if folder is None:  # the data may be outside the folder: see PostgresPrograms.data_root
            stack.callback(shutil.rmtree, server.programs.data_root, ignore_errors=True)
        yield stack.enter_context(server)


@contextmanager
def valkey(folder: Path | None = None, *, durable: bool = False) -> Iterator[Valkey]:
    """Start a Valkey server and yield it. Without `folder`, the server's data is removed at the end."""
    with ExitStack() as stack:
        yield stack.enter_context(Valkey(folder or stack.enter_context(temporary_folder()) / "valkey", durable=durable))


@contextmanager
def store_variables(*, durable: bool = False, postgres_bin: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield environment variables with the URLs of the stores and a secret key.

    The stores are those of TEST_DATABASE_URL and TEST_REDIS_URL. For a variable that is not set, a temporary store is
    started.
    """
    with ExitStack() as stack:
        redis_url = os.environ.get("TEST_REDIS_URL") or stack.enter_context(valkey(durable=durable)).url
        database_url = os.environ.get("TEST_DATABASE_URL") or (
            stack.enter_context(postgres(durable=durable, bin_folder=postgres_bin)).url
        )
        yield {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "BROKER_URL": redis_url,
            "SECRET_KEY": secrets.token_urlsafe(40),
        }


def run_with(variables: dict[str, str], command: Sequence[str]) -> int:
    """Run `command` with these variables. Forward stop signals to the command, and return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in VARIABLES}
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []  # signals that arrived before the command was started

    def forward(number: int, frame: FrameType | None) -> None:
        if not started:
            early.append(number)
        # The terminal sends Ctrl+C to the command too: forwarding it would look like a second Ctrl+C.
        elif number != signal.SIGINT or not sys.stdin.isatty():
            started[0].send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    try:
        process = subprocess.Popen(command, env=environment | variables)
    except OSError as error:
        raise CannotLaunch(f"{command[0]} can't be started: {error.strerror}.") from error
    started.append(process)
    for missed in early:
        process.send_signal(missed)
    code = process.wait()
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command in `arguments` with test stores, and return the command's exit code.

    Return 1 if the command or a store can't be started. Return 130 if Ctrl+C is pressed before the command
    has started.
    """
    parser = argparse.ArgumentParser(prog="stores", description=__doc__)
    parser.add_argument(
        "--durable",
        action="store_true",
        help="temporary stores write to disk as in production: slower, but their data survives a crash",
    )
    parser.add_argument("--postgres-bin", type=Path, metavar="DIR", help="use the PostgreSQL programs in this folder")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    unwind_on_signals()  # until `run_with` sets its own handlers
    try:
        with store_variables(durable=options.durable, postgres_bin=options.postgres_bin) as variables:
            return run_with(variables, options.command)
    except CannotLaunch as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
