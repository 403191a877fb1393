"""The admin pages of what and when: jobs, the overview, and django-celery-beat's periodic tasks."""

from schedules.admin import jobs, overview, periodic

__all__ = ["jobs", "overview", "periodic"]
