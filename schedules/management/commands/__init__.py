"""The commands `backfill` and `explain` of manage.py, one module each."""
