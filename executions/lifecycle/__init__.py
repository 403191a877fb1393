"""Changes of a run's status. Only this package writes the status."""
