"""Starts child processes, which on Linux end when their parent ends. Finds and stops processes of earlier launches."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from scheduler_project.launch.exceptions import CannotLaunch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

PR_SET_PDEATHSIG = 1  # from linux/prctl.h


def spawn(
    command: Sequence[str],
    *,
    output: BinaryIO | int,
    environment: Mapping[str, str],
    on_orphaned: signal.Signals,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in its own session, so that Ctrl+C in the terminal reaches only the launcher.

    On Linux, the child receives the signal `on_orphaned` when the calling thread ends, even by SIGKILL. So call this
    function from the main thread. A root process can run the child as `user`: a uid that is also used as the gid.

    Raises CannotLaunch if the command can't be started.
    """
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            preexec_fn=_signal_on_parent_death(on_orphaned),  # noqa: PLW1509 - safe: the launcher has no threads
        )
    except OSError as error:
        raise CannotLaunch(f"{command[0]} can't be started: {error.strerror}.") from error


def _signal_on_parent_death(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def request_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)

    return request_signal


def command_line_of(pid: int) -> str:
    """Return the command line of a process, its arguments separated by spaces; empty if there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()


def processes_in(folder: Path, name: str) -> list[int]:
    """Return the ids of processes whose command starts with `name` and whose working directory is `folder`.

    Linux only (elsewhere the list is empty), and only processes that this user may inspect.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid = int(entry.name)
            if (entry / "cwd").readlink() == folder.resolve() and command_line_of(pid).startswith(name):
                found.append(pid)
    return found


def is_zombie(pid: int) -> bool:
    """Return whether a process has ended and its parent has not read its exit code. Always False except on Linux."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return False


def stop_leftover(pid: int, *, mark: str, by: signal.Signals, seconds: float = 20) -> None:
    """Stop the server of an earlier launch. Do nothing if the command line of `pid` does not contain `mark`.

    Sends the signal `by`. If the process has not ended after half of `seconds`, sends SIGKILL. Raises CannotLaunch if
    the process does not end even then.
    """
    if not (pid > 1 and mark in command_line_of(pid)):
        return
    for number in (by, signal.SIGKILL):
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(pid, number)
        if wait_until(lambda: mark not in command_line_of(pid), seconds / 2):
            return
    raise CannotLaunch(f"Process {pid} of an earlier launch does not stop. Run `kill -9 {pid}` and try again.")


def server_environment() -> dict[str, str]:
    """Return this process's environment with LC_ALL=C, but without other locale variables and PostgreSQL variables."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG", "POSTGRES"))
    } | {"LC_ALL": "C"}


def last_lines(log: Path, n_lines: int = 8) -> str:
    """Return the last lines of a log, for a message; empty if there is no such file."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-n_lines:])
    except FileNotFoundError:
        return ""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Check `condition` every 10 ms. Return True as soon as it is true, or False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def unwind_on_signals() -> None:
    """Make SIGTERM and SIGHUP raise SystemExit, so that context managers stop the stores before the process ends."""
    signal.signal(signal.SIGTERM, _exit_on_signal)
    signal.signal(signal.SIGHUP, _exit_on_signal)


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
