"""Flower's configuration: `celery -A scheduler_project.celery flower --conf=scheduler_project/flowerconfig.py`."""

from __future__ import annotations

from logging import getLogger

from scheduler_project import flower_auth, flower_limits

# When Flower starts, it warns about each worker that is not running yet. Its pages show missing workers too.
getLogger("flower.inspector").addFilter(lambda record: record.msg != "Inspect method %s failed")

flower_limits.install()

# Without `auth`, Flower checks no user at all. flower_auth decides who gets access, so this pattern accepts every name.
auth = flower_auth.ANY_USER
auth_provider = "scheduler_project.flower_auth.LoginHandler"
max_tasks = 10_000  # kept in memory; Flower's default is 100,000
purge_offline_workers = 300  # seconds
persistent = False
