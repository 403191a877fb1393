"""Reads schedules from JSON or from lines of text, and reports every error with the name of its field."""
