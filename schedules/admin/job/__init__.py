"""The job pages of the admin."""
