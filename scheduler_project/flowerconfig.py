"""Flower's settings, read by Flower itself: `celery -A scheduler_project.celery flower --conf=scheduler_project/flowerconfig.py`."""

from __future__ import annotations

from logging import getLogger

from scheduler_project import flower_auth

# Flower asks for workers before there are any, and warns once a question that none has answered: its pages show that.
getLogger("flower.inspector").addFilter(lambda record: record.msg != "Inspect method %s failed")

# Flower protects nothing unless it has a pattern of names; who is let in is for flower_auth to say.
auth = flower_auth.PATTERN
auth_provider = "scheduler_project.flower_auth.LoginHandler"
max_tasks = 10_000
purge_offline_workers = 300  # seconds
persistent = False
