"""Flower's configuration: `celery -A scheduler_project.celery flower --conf=scheduler_project/flowerconfig.py`."""

from __future__ import annotations

from logging import getLogger

from scheduler_project import flower_auth

# At its start Flower inspects workers that are not running yet, and warns about each. Its pages show missing workers.
getLogger("flower.inspector").addFilter(lambda record: record.msg != "Inspect method %s failed")

# Without `auth` Flower checks no user at all. flower_auth decides who is let in, so the pattern accepts every name.
auth = flower_auth.ANY_USER
auth_provider = "scheduler_project.flower_auth.LoginHandler"
max_tasks = 10_000  # kept in memory; Flower's default is 100,000
purge_offline_workers = 300  # seconds
persistent = False
