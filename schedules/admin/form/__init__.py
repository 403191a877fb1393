"""The job form of the admin: its fields, and how they map to a job's definition."""
