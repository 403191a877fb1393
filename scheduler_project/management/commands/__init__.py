"""The command `first_run` of manage.py."""
