"""Pausing and resuming jobs, one at a time or many at once."""
