"""Reads schedules from JSON or from lines of text. Reports every error with the name of its member."""
