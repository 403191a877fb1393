"""The `http` target: sends an HTTP request, with a checked address, a hard deadline and a limited response."""
