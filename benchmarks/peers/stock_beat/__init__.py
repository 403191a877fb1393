"""A minimal Django project with django-celery-beat and one Celery task, set up as its documentation describes."""
