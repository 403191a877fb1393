"""Backfills: runs for due times in the past."""
