"""A private RabbitMQ, started from the installed programs; or the server that TEST_RABBITMQ_URL names."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler_project.launch.server import free_port
from tests.optional import did_not_run
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

HOMES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Run RabbitMQ until the block ends; yield its AMQP URL."""
    if given := os.environ.get("TEST_RABBITMQ_URL"):
        yield given
        return
    program = next((path for home in HOMES if (path := Path(home, "rabbitmq-server")).exists()), None)
    if program is None:
        did_not_run("The RabbitMQ tests", "rabbitmq-server, or TEST_RABBITMQ_URL")
    folder = Path(tempfile.mkdtemp(prefix="mainspring-rabbitmq-"))
    port, epmd_port = free_port(), free_port()
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}:/usr/sbin",
        "HOME": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_NODENAME": f"tests{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(epmd_port),
    }
    command = [str(program)]
    if os.geteuid() == 0:  # RabbitMQ refuses to run as root; Debian's package makes a user for it
        shutil.chown(folder, "rabbitmq", "rabbitmq")
        command = ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", *command]
    output = folder / "output"
    with output.open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd="/", stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(lambda: "completed with" in output.read_text(), 60, what=f"the start of RabbitMQ: {output}")
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        if epmd := shutil.which("epmd"):
            command = [epmd, "-port", str(epmd_port), "-kill"]
            # epmd refuses to end until it has noticed that the server has gone.
            wait_until(
                lambda: b"Killed" in subprocess.run(command, capture_output=True, check=False).stdout, what="epmd's end"
            )
        shutil.rmtree(folder, ignore_errors=True)
