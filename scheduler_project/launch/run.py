"""`make run`: stores, database, first administrator, then all programs until Ctrl+C. Also `run manage ...`."""

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
from scheduler_project.launch.data_folder import DataFolder, given
from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.first_run import Credentials, make_administrator, migrate
from scheduler_project.launch.ports import chosen_port
from scheduler_project.launch.programs import stages
from scheduler_project.launch.server import HOST
from scheduler_project.launch.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

PROJECT = Path(__file__).resolve().parents[2]


def run() -> int:
    """Start everything and keep it running; 0 after a stop that was asked for."""
    home = DataFolder(PROJECT / ".mainspring")
    with home.locked() as mine, ExitStack() as stack:
        if not mine:
            raise CannotLaunch(
                f"Mainspring already runs in this folder (process {home.holder()}). Stop that one first, with Ctrl+C "
                "in its terminal."
            )
        home.stop_leftovers()
        port, flower_port = chosen_port("PORT", 8000), chosen_port("FLOWER_PORT", 5555)
        if port == flower_port:
            raise CannotLaunch(f"PORT and FLOWER_PORT are both {port}. Give each one of its own.")
        lines = stack.enter_context(closing(CombinedLog(home.folder / "logs" / "mainspring.log")))

        def say(text: str) -> None:
            lines.write("mainspring", text)

        say("Starting.")
        variables = home.variables(stack, say)
        variables.setdefault("MAINSPRING_PUBLIC_URL", f"http://{HOST}:{port}")
        variables.setdefault("MAINSPRING_FLOWER_URL", f"http://{HOST}:{flower_port}")
        for name, store in (("DATABASE_URL", "database"), ("BROKER_URL", "broker")):
            if given(name):
                say(f"Using the {store} of {name}.")
        say("Bringing the database up to date.")
        migrate(variables)
        credentials = make_administrator(variables, home.folder)
        welcome = Welcome(lines, port, flower_port, credentials)
        stack.callback(welcome.show_credentials)  # they exist now, so they are shown whatever happens next
        supervisor = Supervisor(
            stages(variables, port=port, flower_port=flower_port),
            lines,
            stores=home.stores,
            also_ready=lambda: answers(port),
            on_ready=welcome.show,
            on_change=home.remember_processes,
        )
        # The supervisor has a handler of its own and restores this one. After it nothing takes long, and an impatient
        # third Ctrl+C must not leave servers behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.run()
        say("Stopped.")
    return 0


def manage(arguments: Sequence[str]) -> int:
    """manage.py on the data of `make run`: on its running stores, else on stores started for this command."""
    home = DataFolder(PROJECT / ".mainspring")
    with home.locked() as mine, ExitStack() as stack:
        variables = home.variables(stack if mine else None)
        process = subprocess.Popen([sys.executable, "manage.py", *arguments], env=variables, cwd=PROJECT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has its own way with Ctrl+C
        return process.wait()


class Welcome:
    """What a person is told once everything is up."""

    def __init__(self, lines: CombinedLog, port: int, flower_port: int, credentials: Credentials | None) -> None:
        self._lines = lines
        self._port = port
        self._flower_port = flower_port
        self._credentials = credentials

    def show(self) -> None:
        """The addresses and, the first time, the administrator."""
        self._block(
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
        """Once, on the terminal and not in the log file."""
        if (credentials := self._credentials) is None:
            return
        self._credentials = None
        self._block(
            [
                "Your administrator. This is shown once and stored nowhere: keep it.",
                "",
                f"User      {credentials.username}",
                f"Password  {credentials.password}",
                f"API key   {credentials.api_key}",
            ]
        )

    def _block(self, texts: list[str]) -> None:
        width = max(len(text) for text in texts)
        rule = f"+{'-' * (width + 4)}+"
        self._lines.plain("\n".join(["", rule, *(f"|  {text:<{width}}  |" for text in texts), rule, ""]))


def answers(port: int) -> bool:
    """Whether the web process says that it is ready."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    """The exit code. What stands in the way is one sentence on standard error."""
    os.chdir(PROJECT)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
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


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
