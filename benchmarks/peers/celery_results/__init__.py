"""A minimal Django project that stores the results of Celery tasks by django-celery-results."""
