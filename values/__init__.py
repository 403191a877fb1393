"""Values that every package shares: ids, durations, instants, safe JSON. Imports no other package."""
