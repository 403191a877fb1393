"""The `http` target: one HTTP request an attempt, with a checked address, a hard deadline and a limited response."""
