"""A Celery application whose beat is RedBeat, with one Celery task."""
