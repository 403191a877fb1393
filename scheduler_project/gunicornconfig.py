"""gunicorn's settings, read by gunicorn itself: `gunicorn scheduler_project.wsgi --config python:scheduler_project.gunicornconfig`."""

from __future__ import annotations

worker_class = "scheduler_project.web.gunicorn_worker.Worker"
workers = 2
threads = 8
timeout = 60  # seconds
control_socket_disable = True
