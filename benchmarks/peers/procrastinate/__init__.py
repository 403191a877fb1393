"""A procrastinate application with one no-op task."""
