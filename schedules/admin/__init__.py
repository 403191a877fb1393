"""The admin pages of what and when: jobs, feature flags, the overview, and django-celery-beat's periodic tasks."""

from schedules.admin import flags, overview, periodic
from schedules.admin.job import admin

__all__ = ["admin", "flags", "overview", "periodic"]
