"""`make run`: starts the stores, migrates, creates the first administrator, and runs all programs until Ctrl+C.

With the argument `manage`, runs manage.py with the same stores instead.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.launch.combined_log import CombinedLog
from scheduler_project.launch.data_folder import DataFolder, is_set
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.first_run import Credentials, prepare_database
from scheduler_project.launch.ports import chosen_port
from scheduler_project.launch.processes import unwind_on_signals
from scheduler_project.launch.programs import stages
from scheduler_project.launch.server import HOST
from scheduler_project.launch.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parents[2]


def run() -> int:
    """Start everything, and keep it running until a signal such as Ctrl+C arrives or the log is closed. Then return 0.

    Raises CannotLaunch.
    """
    folder = DataFolder(PROJECT / ".mainspring")
    with folder.locked() as is_locked, ExitStack() as stack:
        if not is_locked:
            raise CannotLaunch(
                f"`make run` or `make manage` is already running in this folder (process {folder.holder()}). Stop it "
                "first, with Ctrl+C in its terminal."
            )
        folder.stop_leftovers()
        port, flower_port = chosen_port("PORT", 8000), chosen_port("FLOWER_PORT", 5555)
        if port == flower_port:
            raise CannotLaunch(f"PORT and FLOWER_PORT are both {port}. Set them to different ports.")
        combined_log = stack.enter_context(closing(CombinedLog(folder.path / "logs" / "mainspring.log")))

        def log(text: str) -> None:
            combined_log.write("mainspring", text)

        log("Starting.")
        variables = folder.variables(stack, log)
        variables.setdefault("MAINSPRING_PUBLIC_URL", f"http://{HOST}:{port}")
        variables.setdefault("MAINSPRING_FLOWER_URL", f"http://{HOST}:{flower_port}")
        for name, store in (("DATABASE_URL", "database"), ("BROKER_URL", "broker")):
            if is_set(name):
                log(f"Using the {store} of {name}.")
        log("Migrating the database.")
        credentials = prepare_database(variables)
        welcome = Welcome(combined_log, port, flower_port, credentials)
        stack.callback(welcome.show_credentials)  # they are not stored, so show them even if the start fails
        supervisor = Supervisor(
            stages(variables, port=port, flower_port=flower_port),
            combined_log,
            stores=folder.stores,
            also_ready=lambda: is_web_ready(port),
            on_ready=welcome.show,
            on_change=folder.remember_processes,
        )
        # The supervisor replaces this handler and restores it at its end. After that, only short steps remain, and
        # another Ctrl+C must not interrupt them: they stop the stores.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.run()
        log("Stopped.")
    return 0


def manage(arguments: Sequence[str]) -> int:
    """Run manage.py with the stores of the running `make run`, or with stores started for this command."""
    folder = DataFolder(PROJECT / ".mainspring")
    with folder.locked() as is_locked, ExitStack() as stack:
        variables = folder.variables(stack if is_locked else None)
        process = subprocess.Popen([sys.executable, "manage.py", *arguments], env=variables, cwd=PROJECT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal also sends Ctrl+C to the command, which handles it
        return process.wait()


class Welcome:
    """The message that everything is ready, and the credentials of a new administrator."""

    def __init__(self, log: CombinedLog, port: int, flower_port: int, credentials: Credentials | None) -> None:
        self._log = log
        self._port = port
        self._flower_port = flower_port
        self._credentials = credentials

    def show(self) -> None:
        """Show the addresses. Also show the administrator's credentials, if this start created the administrator."""
        self._show_box(
            [
                "Mainspring is ready.",
                "",
                f"Admin     http://{HOST}:{self._port}/admin/",
                f"API docs  http://{HOST}:{self._port}/api/docs",
                f"Flower    http://{HOST}:{self._flower_port}/   (sign in to the admin first)",
                "",
                'Forgotten the password?  make manage ARGS="changepassword admin"',
                "Stop with Ctrl+C.",
            ]
        )
        self.show_credentials()

    def show_credentials(self) -> None:
        """Show the credentials once, on the terminal and not in the log file."""
        if (credentials := self._credentials) is None:
            return
        self._credentials = None
        self._show_box(
            [
                "Your administrator. These credentials are shown only once: save them now.",
                "",
                f"User      {credentials.username}",
                f"Password  {credentials.password}",
                f"API key   {credentials.api_key}",
            ]
        )

    def _show_box(self, texts: list[str]) -> None:
        width = max(len(text) for text in texts)
        rule = f"+{'-' * (width + 4)}+"
        self._log.write_unlogged("\n".join(["", rule, *(f"|  {text:<{width}}  |" for text in texts), rule, ""]))


def is_web_ready(port: int) -> bool:
    """Return whether the web process reports that it is ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    """Do `make run`, or run manage.py if the first argument is `manage`. Return the exit code."""
    os.chdir(PROJECT)
    unwind_on_signals()
    try:
        return manage(arguments[1:]) if arguments[:1] == ["manage"] else run()
    except CannotLaunch as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        print(f"\n{error.strerror or error}{place}. Check the free space and the owner of {PROJECT}.", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped before everything had started.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
