"""Backfills: runs for the occurrences of a range of the past."""
