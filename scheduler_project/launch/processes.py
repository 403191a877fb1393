"""Starting and recognising processes: children that die with their parent, processes of an earlier launch, logs."""

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

PR_SET_PDEATHSIG = 1


def spawn(
    command: Sequence[str],
    *,
    output: BinaryIO | int,
    environment: Mapping[str, str],
    on_orphaned: signal.Signals,
    user: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl+C in the terminal reaches only the launcher.

    On Linux the child receives `on_orphaned` when the thread that called this ends, however that ends: call it
    from the main thread. With `user` (a uid, also taken as the gid) the child gives up root.
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
            preexec_fn=_die_with_parent(on_orphaned),  # noqa: PLW1509 - the launcher has no threads
        )
    except OSError as error:
        raise CannotLaunch(f"{command[0]} can't be started: {error.strerror}.") from error


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_for_the_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the request was in place
            os._exit(1)

    return ask_for_the_signal


def command_line_of(pid: int) -> str:
    """The command line of a process, arguments separated by spaces; empty when there is no such process."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    listing = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip()


def processes_in(folder: Path, name: str) -> list[int]:
    """The processes so called that work in a folder. Told on Linux alone, and of those that one may look at."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid = int(entry.name)
            if (entry / "cwd").readlink() == folder.resolve() and command_line_of(pid).startswith(name):
                found.append(pid)
    return found


def is_unburied(pid: int) -> bool:
    """Whether a process has ended and its parent has not taken notice: its number is still taken. Told on Linux alone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (OSError, IndexError):
        return False


def stop_leftover(pid: int, *, mark: str, by: signal.Signals, seconds: float = 20) -> None:
    """Stop the server of an earlier launch, recognised by `mark` in its command line; another process is left alone.

    Raises CannotLaunch when it's still there after `seconds`.
    """
    if not (pid > 1 and mark in command_line_of(pid)):
        return
    for number in (by, signal.SIGKILL):
        os.kill(pid, number)
        if wait_until(lambda: mark not in command_line_of(pid), seconds / 2):
            return
    raise CannotLaunch(f"Process {pid} of an earlier launch does not stop. End it with `kill -9 {pid}` and try again.")


def quiet_environment() -> dict[str, str]:
    """This process's environment without what would change a server's locale or PostgreSQL's defaults."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG", "POSTGRES"))
    } | {"LC_ALL": "C"}


def last_lines(log: Path, n_lines: int = 8) -> str:
    """The end of a log, for a message; empty when there's no such file."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-n_lines:])
    except FileNotFoundError:
        return ""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look every 10 ms until `condition` holds; False when it still doesn't after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
