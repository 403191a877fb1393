"""A minimal Django project with django-celery-beat and one Celery task, started as its documentation says."""
