"""gunicorn's configuration: `gunicorn scheduler_project.wsgi --config python:scheduler_project.gunicornconfig`."""

from __future__ import annotations

worker_class = "scheduler_project.web.gunicorn_worker.Worker"
workers = 2  # while one process is busy with a long computation, the other one serves requests
threads = 8  # requests that one process serves at the same time; they mostly wait for the database
timeout = 60  # seconds until a worker process that hangs is killed
control_socket_disable = True  # nothing uses the socket, and the Docker image's user cannot write to its home folder
