"""Flower's settings, read by Flower itself: `celery -A scheduler_project.celery flower --conf=scheduler_project/flowerconfig.py`."""

from __future__ import annotations

from scheduler_project import flower_auth

# Flower protects nothing unless it has a pattern of names; who is let in is for flower_auth to say.
auth = flower_auth.PATTERN
auth_provider = "scheduler_project.flower_auth.LoginHandler"
max_tasks = 10_000
purge_offline_workers = 300  # seconds
persistent = False
