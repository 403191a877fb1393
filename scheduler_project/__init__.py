"""Configures and connects the apps.

Contains the settings, the Celery application, the URLs, the health checks and the launcher.
"""
