"""The ports that people open: read from the environment, checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.server import port_is_free

LISTENING = "0A"


def chosen_port(name: str, default: int) -> int:
    """The port in variable `name`; raises CannotLaunch when it's no port or in use."""
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotLaunch(f"{name} is {text!r}: it takes a port number from 1 to 65535, for example {default}.")
    port = int(text)
    if not port_is_free(port):
        holder = holder_of(port)
        raise CannotLaunch(
            f"Port {port} is in use{f' by {holder}' if holder else ''}, or this user may not listen on it. "
            f"Stop that program, or choose another port: {name}={port + 1} make run"
        )
    return port


def holder_of(port: int) -> str:
    """Who listens on this port, as "process 123 (its command)"; empty when it can't be told."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    if not sockets:
        return ""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in sockets:
                pid = int(descriptor.parts[2])
                return f"process {pid} ({command_line_of(pid)[:60]})"
        except OSError:  # another user's process, or one that has just ended
            continue
    return ""
