"""The admin pages: the overview, jobs, feature flags, and the periodic tasks of django-celery-beat."""

from schedules.admin import flags, overview, periodic
from schedules.admin.job import admin

__all__ = ["admin", "flags", "overview", "periodic"]
