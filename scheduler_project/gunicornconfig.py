"""gunicorn's configuration: `gunicorn scheduler_project.wsgi --config python:scheduler_project.gunicornconfig`."""

from __future__ import annotations

import os

from scheduler_project.env import Environment
from scheduler_project.logging import logging_from_environment

worker_class = "scheduler_project.web.server.worker.Worker"
logger_class = "scheduler_project.web.server.log.Logger"
workers = 2  # while one process is busy with a long computation, the other one serves requests
threads = 8  # requests that one process serves at the same time; they mostly wait for the database
timeout = 60  # seconds until a worker process that hangs is killed
control_socket_disable = True  # nothing uses the socket, and the Docker image's user cannot write to its home folder

logging_from_environment(Environment(os.environ))  # the main process never loads Django's settings

# Headers that would replace the path of the request: no URL of Mainspring works below another path, and a client could
# send them through a proxy.
forwarder_headers = ""
# gunicorn believes these headers from the loopback address and from Unix sockets. Without a proxy, clients send them; a
# proxy sets, and removes from what clients send, only the one that the documentation names.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
if not Environment(os.environ).flag("MAINSPRING_BEHIND_PROXY", default=False):
    forwarded_allow_ips = ""
    secure_scheme_headers = {}
