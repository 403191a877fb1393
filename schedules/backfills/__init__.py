"""Backfills: runs for the occurrences in a past range."""
