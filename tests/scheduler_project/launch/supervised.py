"""Runs a supervisor in its own process, with small programs and optionally a Valkey."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

from scheduler_project.launch.child import Program
from scheduler_project.launch.valkey import Valkey
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

POLITE = """
import signal, sys
def leave(number, frame):
    print("goodbye")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("up")
while True:
    signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up')\nwhile True: signal.pause()"
TALKATIVE = "import time\nprint('up')\nwhile True: print('tick'); time.sleep(0.02)"


def program(name: str, source: str, *, grace: float = 10, ready: str = "up") -> Program:
    environment = {"PATH": os.environ["PATH"]}
    return Program(name, [sys.executable, "-I", "-S", "-u", "-c", source], environment, ready=ready, grace=grace)


class Supervised:
    """A running supervisor whose log goes to a file.

    With `store` it also supervises a Valkey, which seems not to accept clients as long as the file `deaf` exists.
    """

    def __init__(self, folder: Path, stages: list[list[Program]], *, store: bool = False) -> None:
        self._log = folder / "log"
        self.deaf = folder / "deaf"
        self.store_folder = folder / "valkey"
        script = folder / "script.py"
        script.write_text(
            textwrap.dedent(f"""
            import signal, sys
            from contextlib import ExitStack
            from pathlib import Path
            sys.path.insert(0, {os.getcwd()!r})
            from scheduler_project.launch.child import Program
            from scheduler_project.launch.combined_log import CombinedLog
            from scheduler_project.launch.supervisor import Supervisor
            from scheduler_project.launch.valkey import Valkey

            class Store(Valkey):
                def _answers(self, pid):
                    return not Path({str(self.deaf)!r}).exists() and super()._answers(pid)

            log = CombinedLog(width=10)
            stages = {stages!r}
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the launcher: Ctrl+C before `run` must not end it
            with ExitStack() as stack:
                stores = [stack.enter_context(Store(Path({str(self.store_folder)!r}), durable=True))] if {store} else []
                ready = lambda: log.write_unlogged("everything is up")
                Supervisor(stages, log, stores=stores, on_ready=ready).run()
            """)
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, str(script)], stdout=log, stderr=log)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def store_pid(self) -> int:
        return int((self.store_folder / "valkey.pid").read_text())

    @property
    def store_url(self) -> str:
        return Valkey.url_of_running(self.store_folder)

    def wait_for(self, text: str, n_times: int = 1) -> None:
        wait_until(lambda: self.log.count(text) >= n_times, what=f"{text!r} in the log:\n{self.log}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
