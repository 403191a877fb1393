"""The admin pages of what and when: jobs, feature flags, the overview, and django-celery-beat's periodic tasks."""

from schedules.admin import flags, jobs, overview, periodic

__all__ = ["flags", "jobs", "overview", "periodic"]
