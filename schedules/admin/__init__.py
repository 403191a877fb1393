"""The admin pages of jobs, feature flags and django-celery-beat's periodic tasks, and the overview."""

from schedules.admin import flags, overview, periodic
from schedules.admin.job import admin

__all__ = ["admin", "flags", "overview", "periodic"]
