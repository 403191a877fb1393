"""The `http` target: one HTTP request per attempt, with a checked address, a hard deadline and a limited response."""
