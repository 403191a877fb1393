"""The job form of the admin."""
