"""Configures and connects the apps: settings, the Celery application, URLs, health checks and the launcher."""
