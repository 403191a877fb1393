"""A minimal Django project that stores the results of Celery tasks with django-celery-results."""
