"""State changes of runs. Only this package writes a run's status."""
