"""The composition root: settings, the Celery application, addresses, health and the launcher."""
