"""The ports of the web process and of Flower: read from the environment and checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler_project.launch.exceptions import CannotLaunch
from scheduler_project.launch.processes import command_line_of
from scheduler_project.launch.server import free_port, port_is_free

MAX_PORT = 65535
TCP_LISTEN = "0A"  # the state of a listening socket in /proc/net/tcp, from the kernel's tcp_states.h


def chosen_port(name: str, default: int) -> int:
    """Return the port in the environment variable `name`, or `default` if the variable is not set.

    Raises CannotLaunch if the port is invalid, is in use, or may not be used by this user.
    """
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise CannotLaunch(f"{name} is {text!r}: it must be a port number from 1 to {MAX_PORT}, for example {default}.")
    port = int(text)
    if not port_is_free(port):
        holder = process_listening_on(port)
        raise CannotLaunch(
            f"Port {port} is in use{f' by {holder}' if holder else ''}, or this user may not use it. "
            f"Stop the program that uses the port, or choose another port: {name}={free_port()} make run"
        )
    return port


# This function reads /proc, because many machines have neither `ss` nor `lsof`.
def process_listening_on(port: int) -> str:
    """Return the process that listens on this port, as "process 123 (its command)"; empty if it is unknown."""
    sockets = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == TCP_LISTEN and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    sockets.add(f"socket:[{fields[9]}]")
    if not sockets:
        return ""
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) in sockets:
                pid = int(descriptor.parts[2])
                return f"process {pid} ({command_line_of(pid)[:60]})"
        except OSError:  # a process of another user, or a process that has ended
            continue
    return ""
