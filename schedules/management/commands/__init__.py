"""The commands `backfill` and `explain` of manage.py. Each module holds one command, under the module's name."""
