"""gunicorn's worker: a thread gets a request only when the request has arrived, and never waits for a client."""
