"""Private throw-away stores around one command: `python -m scheduler_project.launch.stores [options] -- COMMAND`."""

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
from scheduler_project.launch.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

PREFIX = "mainspring-"
VARIABLES = ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "SECRET_KEY")


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A folder that goes when the block ends; what a killed process left behind goes with the next one."""
    places = Path(tempfile.gettempdir())
    for old in places.glob(f"{PREFIX}*/owner.lock"):
        with suppress(FileNotFoundError):  # another process is removing it just now
            if old.stat().st_uid == os.geteuid() and (lock := _lock(old)):
                shutil.rmtree(old.parent, ignore_errors=True)
                os.close(lock)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = _lock(folder / "owner.new")
    (folder / "owner.new").rename(folder / "owner.lock")  # others see it only once it's held
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock:
            os.close(lock)


def _lock(path: Path) -> int | None:
    """The descriptor of a lock held until it's closed or the process ends; None when another process holds it."""
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
    """A started PostgreSQL with `.url`, `.stop()`, `.kill()` and `.start()`; throw-away unless `folder` is given."""
    with ExitStack() as stack:
        place = folder or stack.enter_context(throwaway_folder()) / "postgres"
        server = Postgres(place, durable=durable, bin_folder=bin_folder)
        if folder is None:  # its data may have to be elsewhere: see PostgresPrograms.data_root
            stack.callback(shutil.rmtree, server.programs.data_root, ignore_errors=True)
        yield stack.enter_context(server)


@contextmanager
def valkey(folder: Path | None = None, *, durable: bool = False) -> Iterator[Valkey]:
    """A started Valkey with `.url`, `.stop()`, `.kill()` and `.start()`; throw-away unless `folder` is given."""
    with ExitStack() as stack:
        yield stack.enter_context(Valkey(folder or stack.enter_context(throwaway_folder()) / "valkey", durable=durable))


@contextmanager
def store_variables(*, durable: bool = False, postgres_bin: Path | None = None) -> Iterator[dict[str, str]]:
    """Variables that name stores for tests: TEST_DATABASE_URL and TEST_REDIS_URL where given, else throw-away ones."""
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
    """Run `command` with these variables, pass SIGINT and SIGTERM on to it, and return its exit code."""
    environment = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in VARIABLES}
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []  # signals that came while it was being started

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not started:
            early.append(number)
        # Ctrl+C reaches the command from the terminal itself: one more would look like a second key press.
        elif number != signal.SIGINT or not sys.stdin.isatty():
            started[0].send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
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
    """The command line; returns the command's exit code, 1 when the stores can't be started."""
    parser = argparse.ArgumentParser(prog="stores", description=__doc__)
    parser.add_argument("--durable", action="store_true", help="write as in production: slower, survives a crash")
    parser.add_argument("--postgres-bin", type=Path, metavar="DIR", help="the programs of another PostgreSQL")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args(arguments)
    # Until the command runs, a signal must unwind the blocks below rather than end this process on the spot.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        with store_variables(durable=given.durable, postgres_bin=given.postgres_bin) as variables:
            return run_with(variables, given.command)
    except CannotLaunch as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
